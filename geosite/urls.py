"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

handler500 = "places.pages.views.server_error"
handler404 = "places.pages.views.not_found"


urlpatterns = [
    path("api/", include("places.api.urls")),
    path("v1/", include("places.api.tensorflow")),
    path("media/", include("places.media")),
    path("admin/", admin.site.urls),
    path("", include("places.healthz")),
    path("", include("places.pages.urls")),
]
