# mypy: ignore-errors
"""A form page as an editor of a Wagtail site builds it; nothing about its forms is ours."""

from django.db import models
from modelcluster.fields import ParentalKey
from wagtail.contrib.forms.models import AbstractEmailForm, AbstractFormField


class FormField(AbstractFormField):
    page = ParentalKey("FormPage", on_delete=models.CASCADE, related_name="form_fields")


class FormPage(AbstractEmailForm):
    template = "wagtail_site/form.html"
    landing_page_template = "wagtail_site/landing.html"
