"""Starting everything: embedded servers, processes, the address at the end."""
