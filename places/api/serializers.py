"""The shapes of the API, for its schema and for reading what clients send."""

from rest_framework import serializers


class ErrorDetail(serializers.Serializer[None]):
    code = serializers.CharField()
    message = serializers.CharField()


class Error(serializers.Serializer[None]):
    error = ErrorDetail()


class TextQuestion(serializers.Serializer[None]):
    """The address of a photo, or a search whose photo is looked at again."""

    url = serializers.CharField(required=False, max_length=4000)
    again = serializers.UUIDField(required=False, help_text="A search whose photo is still kept.")
    crop = serializers.CharField(
        required=False, help_text="The part to look at: left,top,width,height, fractions of the upright photo."
    )


class Question(TextQuestion):
    """A photo, the address of one, or a search whose photo is looked at again."""

    image = serializers.FileField(required=False)


class PlaceName(serializers.Serializer[None]):
    slug = serializers.CharField()
    name = serializers.CharField()


class Near(serializers.Serializer[None]):
    name = serializers.CharField()
    kind = serializers.CharField()
    distance_m = serializers.IntegerField()
    bearing_deg = serializers.IntegerField()
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()
    source = serializers.CharField()  # type: ignore[assignment]
    slug = serializers.CharField(allow_null=True)


class Place(PlaceName):
    local_name = serializers.CharField(allow_blank=True)
    local_language = serializers.CharField(allow_blank=True)
    country = serializers.CharField()
    country_code = serializers.CharField()
    city = serializers.CharField(allow_blank=True)
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()
    description = serializers.CharField(allow_blank=True)
    page_url = serializers.CharField()
    nearby = Near(many=True)


class PlaceInShort(PlaceName):
    local_name = serializers.CharField(allow_blank=True)
    country = serializers.CharField()
    country_code = serializers.CharField()
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()
    recognised = serializers.BooleanField()
    url = serializers.CharField()
    page_url = serializers.CharField()


class Places(serializers.Serializer[None]):
    count = serializers.IntegerField()
    results = PlaceInShort(many=True)


class Answer(serializers.Serializer[None]):
    kind = serializers.ChoiceField(["place", "unknown", "not_a_place"])
    confidence = serializers.FloatField()
    place = Place(allow_null=True)


class Prediction(serializers.Serializer[None]):
    place = PlaceName()
    probability = serializers.FloatField()


class Object(serializers.Serializer[None]):
    label = serializers.CharField()  # type: ignore[assignment]
    wordnet_id = serializers.CharField()
    probability = serializers.FloatField()


class Scores(serializers.Serializer[None]):
    """Cosines, -1 to 1; null until the picture was looked at."""

    look = serializers.FloatField(allow_null=True, help_text="Of embeddings.")
    colour = serializers.FloatField(allow_null=True, help_text="Of histograms in CIELAB, square-rooted.")
    style = serializers.FloatField(  # type: ignore[assignment]
        allow_null=True, help_text="Of Gram matrices of two early layers."
    )


class Result(serializers.Serializer[None]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(["gallery", "web"])
    title = serializers.CharField(allow_blank=True)
    image_url = serializers.CharField()
    thumbnail_url = serializers.CharField()
    download_url = serializers.CharField()
    page_url = serializers.CharField(allow_blank=True)
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    licence = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    author = serializers.CharField(allow_blank=True)
    more_url = serializers.CharField(help_text="The page with pictures like this one.")
    score = serializers.FloatField(allow_null=True, help_text="As `scores.look`.")
    scores = Scores()
    group = serializers.IntegerField(
        help_text="Near-copies of each other share a number; 0: near-copies of the photo that was sent."
    )


STATES = ["queued", "running", "done", "failed"]


class Similar(serializers.Serializer[None]):
    state = serializers.ChoiceField(STATES)
    query = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    results = Result(many=True)


class Model(serializers.Serializer[None]):
    name = serializers.CharField()
    version = serializers.CharField()


class Timings(serializers.Serializer[None]):
    decode = serializers.FloatField(allow_null=True)
    recognise = serializers.FloatField(allow_null=True)
    total = serializers.FloatField(allow_null=True)


class Position(serializers.Serializer[None]):
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()


class Search(serializers.Serializer[None]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(STATES)
    stage = serializers.ChoiceField(["received", "waiting", "looking", "finding", "finished"])
    ahead = serializers.IntegerField()
    url = serializers.CharField()
    page_url = serializers.CharField()
    photo_url = serializers.CharField(allow_null=True)
    crop = serializers.ListField(
        child=serializers.FloatField(), min_length=4, max_length=4, allow_null=True,
        help_text="The part that was looked at: left, top, width, height, fractions of the photo.",
    )  # fmt: skip
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    owner_token = serializers.CharField(required=False, help_text="Only in the answer to POST.")
    answer = Answer(allow_null=True)
    predictions = Prediction(many=True)
    objects = Object(many=True)
    similar = Similar()
    model = Model(allow_null=True)
    timings_ms = Timings()
    gps = Position(allow_null=True)
    error = ErrorDetail(allow_null=True)


class Feedback(serializers.Serializer[None]):
    """What the owner says of the answer; ``keep`` gives the photo to the curators."""

    right = serializers.BooleanField()
    place = serializers.CharField(required=False, allow_null=True, max_length=80)
    keep = serializers.BooleanField(required=False, default=False)
