"""Addresses of the pages."""

from django.urls import path

from places.pages import views

app_name = "pages"
urlpatterns = [
    path("", views.home, name="home"),
    path("s/<uuid:pk>/", views.search, name="search"),
    path("s/<uuid:pk>/feedback/", views.give_feedback, name="feedback"),
    path("s/<uuid:pk>/delete/", views.delete, name="delete"),
    path("places/", views.places, name="places"),
    path("places/<slug:slug>/", views.place, name="place"),
]
