"""Addresses of the pages."""

from django.urls import path

from places import languages
from places.pages import asking, explained, index, owner, pictures, views

app_name = "pages"
urlpatterns = [
    path("", views.home, name="home"),
    path("s/<uuid:pk>/", views.search, name="search"),
    path("s/<uuid:pk>/again/", asking.again, name="again"),
    path("s/<uuid:pk>/feedback/", views.give_feedback, name="feedback"),
    path("s/<uuid:pk>/delete/", views.delete, name="delete"),
    path("s/<uuid:pk>/sees/", explained.sees, name="sees"),
    path("s/<uuid:pk>/compare/<slug:slug>/", explained.compare, name="compare"),
    path("pictures/<str:kind>/<uuid:pk>/", pictures.picture, name="picture"),
    path("pictures/<str:kind>/<uuid:pk>/search/", pictures.search_by, name="search_by"),
    path("privacy/", owner.privacy, name="privacy"),
    path("contact/", owner.contact, name="contact"),
    path("contact/received/", owner.received, name="received"),
    path("report/<str:kind>/<uuid:pk>/", owner.report, name="report"),
    path("language/", languages.choose, name="language"),
    path("robots.txt", owner.robots, name="robots"),
    path("share/", asking.share, name="share"),
    path("history/", asking.history, name="history"),
    path("manifest.webmanifest", asking.manifest, name="manifest"),
    path("places/", index.places, name="places"),
    path("places/<slug:slug>/", index.place, name="place"),
]
