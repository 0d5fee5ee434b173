"""Addresses of the API, under /api/."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView

from places.api import views

app_name = "api"
urlpatterns = [
    path("v1/searches/", views.Searches.as_view(), name="searches"),
    path("v1/searches/<uuid:pk>/", views.OneSearch.as_view(), name="search"),
    path("v1/searches/<uuid:pk>/feedback/", views.GiveFeedback.as_view(), name="feedback"),
    path("v1/places/", views.AllPlaces.as_view(), name="places"),
    path("v1/places/<slug:slug>/", views.OnePlace.as_view(), name="place"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^(?P<path>.*)/$", views.nothing_here),
]
