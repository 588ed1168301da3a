# mypy: ignore-errors
"""Makes a Wagtail site in a folder and serves it: `python -m tests.wire.wagtail_site.serve FOLDER`, prints its port."""

import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

_ASKS = ("singleline:Your name", "email:Your e-mail")
FORMS = {
    "contact": [*_ASKS, "multiline:Your message", "checkbox:I agree that my data are processed to answer this enquiry"],
    "strict": [*_ASKS, "multiline:Your message", "singleline:Order number"],
}


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def main(folder: Path) -> None:
    (folder / "made_migrations").mkdir()
    (folder / "made_migrations" / "__init__.py").touch()
    sys.path.insert(0, str(folder))
    settings.configure(
        SECRET_KEY="test", DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF="tests.wire.wagtail_site.urls",
        INSTALLED_APPS=[
            "tests.wire.wagtail_site", "wagtail.contrib.forms", "wagtail.users", "wagtail.images", "wagtail.documents",
            "wagtail.admin", "wagtail.search", "wagtail.sites", "wagtail", "modelcluster", "taggit",
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
            "context_processors": ["django.template.context_processors.request"]}}],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "site.db")}},
        EMAIL_BACKEND="django.core.mail.backends.filebased.EmailBackend", EMAIL_FILE_PATH=str(folder / "mails"),
        DEFAULT_FROM_EMAIL="form@shop.example", WAGTAIL_SITE_NAME="Shop", STATIC_URL="/static/", USE_TZ=True,
        MIGRATION_MODULES={"wagtail_site": "made_migrations"},
        WAGTAILADMIN_BASE_URL="http://shop.example", DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )  # fmt: skip
    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from wagtail.models import Site

    from tests.wire.wagtail_site.models import FormField, FormPage

    call_command("makemigrations", "wagtail_site", verbosity=0)
    call_command("migrate", verbosity=0)
    root = Site.objects.get(is_default_site=True).root_page
    for slug, fields in FORMS.items():
        page = FormPage(title="Contact us", slug=slug, to_address="shop@shop.example", from_address="form@shop.example",
                        subject=f"From the form {slug}")  # fmt: skip
        for order, (kind, _, label) in enumerate(one.partition(":") for one in fields):
            page.form_fields.add(FormField(sort_order=order, label=label, field_type=kind, required=True))
        root.add_child(instance=page)
    with make_server("127.0.0.1", 0, get_wsgi_application(), WSGIServer, Quiet) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
