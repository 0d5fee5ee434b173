"""All settings, top to bottom; what an operator may change comes from the environment."""

import secrets
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from geosite import tiles
from geosite.launch import addresses, config

# Lets Django's generic classes be subscripted at run time, as their types are.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def text(name: str, default: str) -> str:
    """Return a setting; one that is set to nothing counts as not set."""
    return env.str(name, default="") or default


def number(name: str, default: int) -> int:
    """Return a whole number of the environment."""
    return env.int(name) if env.str(name, default="") else default


# Where the site lies and keeps its data
VAR_DIR = Path(text("VAR_DIR", str(BASE_DIR / "var"))).resolve()
HOST = text("HOST", "127.0.0.1")
PORT = number("PORT", 8000)
SITE_URL = env.str("SITE_URL", default="").rstrip("/")
SITE_NAME = "Where is this?"
OPERATOR_NAME = env.str("OPERATOR_NAME", default="")
CONTACT_EMAIL = env.str("CONTACT_EMAIL", default="")
VERSION = "0.1.0"


def secret_key() -> str:
    """Return SECRET_KEY, or the one kept under VAR_DIR, made at the first start."""
    if given := env.str("SECRET_KEY", default=""):
        return str(given)
    path = VAR_DIR / "secret_key"
    if not path.exists() or not path.read_text().strip():
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=VAR_DIR, delete=False) as file:  # readable by us alone
            file.write(secrets.token_urlsafe(64))
        Path(file.name).replace(path)
    return path.read_text().strip()


def own_names() -> list[str]:
    """Return the hosts this machine is asked for by, for use in a LAN."""
    name = socket.gethostname()
    names = {name, f"{name}.local", socket.getfqdn()}
    try:
        names.update(str(info[4][0]) for info in socket.getaddrinfo(name, None))
    except OSError:
        pass
    if outgoing := addresses.outgoing_address():
        names.add(outgoing)
    return sorted(names)


SECRET_KEY = secret_key()
DEBUG = False
LOOPBACK = HOST in ("127.0.0.1", "localhost", "::1")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
HTTPS = False
if SITE_URL:
    _site = urlsplit(SITE_URL)
    if _site.scheme not in ("http", "https") or not _site.hostname:
        raise ImproperlyConfigured(
            f"SITE_URL is {SITE_URL!r}. Give the address people use, such as https://places.example.org."
        )
    ALLOWED_HOSTS.append(_site.hostname)
    CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"]
    HTTPS = _site.scheme == "https"
elif not LOOPBACK:
    ALLOWED_HOSTS += [HOST] if HOST not in ("0.0.0.0", "::") else own_names()

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = False  # the proxy that ends TLS redirects; /healthz is asked on loopback
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # other sites of the domain are not ours
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# W008: see SECURE_SSL_REDIRECT; W005, W021: see the HSTS line above.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]

INSTALLED_APPS = [
    "geosite.apps.SiteAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "axes",
    "csp",
    "places",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "places.languages.LanguageMiddleware",
    "places.doors.ErrorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "places.doors.LongFormsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "places.doors.FirstPasswordMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "geosite.urls"
WSGI_APPLICATION = "geosite.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "places.pages.context.site",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTH_PASSWORD_VALIDATORS.append({"NAME": "places.passwords.NotThePrintedOne"})
LOGIN_REDIRECT_URL = "admin:index"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_CLIENT_IP_CALLABLE = "places.doors.address_of"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or whoever goes on guessing keeps the owner out
AXES_LOCKOUT_CALLABLE = "places.admin.people.locked_out"
AXES_VERBOSE = False

# The database, and the broker that also is cache and alarm clock
DATABASES = {"default": env.db_url_config(text("DATABASE_URL", addresses.database_url(VAR_DIR)))}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = 3
if env.bool("DATABASE_POOL", default=False):
    # The web server's many threads, most of which wait for somebody, share connections.
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 16, "timeout": 5}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = text("REDIS_URL", addresses.redis_url(VAR_DIR))
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 3},
    }
}

# Celery: messages that may be lost and are sent again; the rows are the truth
CELERY_BROKER_URL = addresses.celery_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "io"
CELERY_TASK_ROUTES = {
    "places.tasks.recognise": {"queue": "search"},
    "places.tasks.predict": {"queue": "search"},
    "places.tasks.embed_picture": {"queue": "embed"},
    "places.tasks.embed_web_picture": {"queue": "embed"},
    "places.tasks.embed_for_promotion": {"queue": "search"},
    "places.tasks.train": {"queue": "train"},
    "places.tasks.judge_first_picture": {"queue": "embed"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 120  # engines are timed, the model is loaded and warmed in there
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "queue_order_strategy": "priority",  # `embed` is looked at only when `search` is empty
    "visibility_timeout": 300,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "socket_keepalive": True,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "places.tasks.sweep", "schedule": 15.0, "options": {"expires": 15}},
    "newcomers": {"task": "places.tasks.watch_newcomers", "schedule": 3.0, "options": {"expires": 3}},
    "embed": {"task": "places.tasks.embed_missing", "schedule": 60.0, "options": {"expires": 60}},
    "purge": {"task": "places.tasks.purge", "schedule": 300.0, "options": {"expires": 300}},
    "axes": {"task": "places.tasks.forget_logins", "schedule": crontab(hour="3", minute="30")},
    "first": {"task": "places.tasks.fetch_first_pictures", "schedule": 10.0, "options": {"expires": 10}},
}

# Searches: limits and times (bytes and pixels are in ml.header, the web server's in geosite.launch)
RETENTION_HOURS = number("RETENTION_HOURS", 24)
MAX_WAITING = number("MAX_WAITING", 200)
RATE_LIMIT = number("RATE_LIMIT", 0 if LOOPBACK and not SITE_URL else 60)
REPORT_LIMIT = number("REPORT_LIMIT", 0 if LOOPBACK and not SITE_URL else 10)
TRUSTED_PROXIES = number("TRUSTED_PROXIES", 0)
WEB_THREADS = number("WEB_THREADS", config.WEB_THREADS)
ANSWER_WITHIN_S = 2.0  # how long a POST waits for its answer
SIMILAR_WITHIN_S = 20.0
STUCK_AFTER_S = 60
MAX_ATTEMPTS = 3
GONE_FOR_DAYS = 30
QUERY_KEPT_DAYS = 7
EMPTY_QUERY_KEPT_HOURS = 24
UNREACHABLE_KEPT_S = 300
REPORTS_KEPT_DAYS = 365
MIN_FREE_BYTES = 500 * 1024 * 1024

# Uploads
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100  # of visitors; staff: places.doors.MOST_FIELDS
DATA_UPLOAD_MAX_NUMBER_FILES = 5
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024

# Sources of pictures, and the model
# An empty address stands for the service's own, in crawler.sources.
BING_BASE_URL = text("BING_BASE_URL", "")
COMMONS_BASE_URL = text("COMMONS_BASE_URL", "")
OPENVERSE_BASE_URL = text("OPENVERSE_BASE_URL", "")
FLICKR_BASE_URL = text("FLICKR_BASE_URL", "")
GOOGLE_BASE_URL = text("GOOGLE_BASE_URL", "")
OVERPASS_BASE_URL = text("OVERPASS_BASE_URL", "")
FLICKR_API_KEY = text("FLICKR_API_KEY", "")
CRAWLER_GOOGLE = text("CRAWLER_GOOGLE", "0")
CRAWLER_CONTACT = text("CRAWLER_CONTACT", SITE_URL or CONTACT_EMAIL)
STARTER_PICTURES = number("STARTER_PICTURES", 2)
REQUESTS_DIR = VAR_DIR / "requests"  # where those to services that allow some a day are counted
FETCH_ALLOW_PRIVATE = frozenset(item.strip().lower() for item in env.list("FETCH_ALLOW_PRIVATE", default=[]))
ENGINE = text("ENGINE", "auto")  # or one that `manage.py engine` lists
ENGINE_CACHE_DIR = VAR_DIR / "engine"
ENGINE_THREADS = number("ENGINE_THREADS", 0)

# Files
MEDIA_ROOT = VAR_DIR / "media"
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
NODE_MODULES = BASE_DIR / "node_modules"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("bootstrap", NODE_MODULES / "bootstrap" / "dist"),
    ("leaflet", NODE_MODULES / "leaflet" / "dist"),
]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"allow_overwrite": True},  # names are ids, so the same name is the same thing
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Language and time
LANGUAGE_CODE = text("LANGUAGE_CODE", "en")
LANGUAGES = [("en", "English"), ("ko", "한국어")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
USE_TZ = True
TIME_ZONE = "UTC"

MAP_TILES = tiles.read(text("MAP_TILES", "none"))
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": (),
    "DIRECTIVES": {
        "default-src": [SELF],
        # Bootstrap's style sheet carries its icons as data; a preview is a blob.
        "img-src": [SELF, "data:", "blob:", *([MAP_TILES.origin] if MAP_TILES else [])],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

REST_FRAMEWORK = {
    # The API knows no cookies, so it needs no CSRF token: owners show their token instead.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "places.api.negotiation.JsonAllTheSame",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "places.api.errors.answer_error",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": SITE_NAME,
    "DESCRIPTION": "Send a photo, learn which place it shows, and see more pictures of it.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "OAS_VERSION": "3.1.0",  # says that a field may be null in a way that clients check
    "ENABLE_DJANGO_DEPLOY_CHECK": True,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "axes": {"level": "WARNING"},
        "PIL": {"level": "WARNING"},
        "psycopg.pool": {"level": "ERROR"},
    },
}
