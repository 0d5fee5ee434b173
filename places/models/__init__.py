"""Data and its queries, a file a noun."""

from places.models.account import FirstPassword
from places.models.model_version import ModelVersion
from places.models.picture import Embedding, Picture
from places.models.place import Attraction, Collection, Place
from places.models.report import Denied, FirstPictures, Report
from places.models.search import Feedback, Search
from places.models.web import WebEmbedding, WebPicture, WebQuery

__all__ = [
    "Attraction",
    "Collection",
    "Denied",
    "Embedding",
    "Feedback",
    "FirstPassword",
    "FirstPictures",
    "ModelVersion",
    "Picture",
    "Place",
    "Report",
    "Search",
    "WebEmbedding",
    "WebPicture",
    "WebQuery",
]
