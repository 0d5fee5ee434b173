"""Data and its queries, a file a noun."""

from places.models.account import FirstPassword
from places.models.model_version import ModelVersion
from places.models.picture import Embedding, Picture
from places.models.place import Alias, Attraction, Collection, Place
from places.models.report import Denied, FirstPictures, Report
from places.models.review import CollectRun, Decision
from places.models.search import Feedback, Search
from places.models.training import Promotion, TrainingRun
from places.models.web import WebEmbedding, WebPicture, WebQuery

__all__ = [
    "Alias",
    "Attraction",
    "CollectRun",
    "Collection",
    "Decision",
    "Denied",
    "Embedding",
    "Feedback",
    "FirstPassword",
    "FirstPictures",
    "ModelVersion",
    "Picture",
    "Place",
    "Promotion",
    "Report",
    "Search",
    "TrainingRun",
    "WebEmbedding",
    "WebPicture",
    "WebQuery",
]
