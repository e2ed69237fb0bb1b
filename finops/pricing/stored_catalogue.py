"""The table of price catalogues that people handed in, each kept whole."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now

from finops.accounts.models import User, Workspace


class StoredCatalogue(models.Model):
    """An uploaded data.json of genai-prices: the file itself, gzipped, and what is in it.

    It belongs to the installation: list prices are the same for every workspace.
    """

    sha256 = models.CharField(max_length=64, unique=True)  # of the file as it was handed in
    name = models.CharField(max_length=200)
    content = models.BinaryField()
    bytes = models.PositiveIntegerField()
    providers = models.PositiveIntegerField()
    models_count = models.PositiveIntegerField()
    rates_count = models.PositiveIntegerField()
    newest_price = models.DateField(null=True)
    uploaded_at = models.DateTimeField(default=now)
    uploaded_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)

    class Meta:
        app_label = "pricing"

    def __str__(self) -> str:
        return f"{self.name} ({self.sha256[:12]})"


class CatalogueAdoption(models.Model):
    """From when on a catalogue is the price of record: the newest row holds.

    `catalogue` NULL goes back to the installed package. Who and why are kept for audits;
    `workspace` is where the person worked, so that others' members aren't told the name.
    """

    catalogue = models.ForeignKey(
        StoredCatalogue, on_delete=models.PROTECT, null=True, blank=True, related_name="adoptions"
    )
    at = models.DateTimeField(default=now)
    who = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.SET_NULL, null=True, blank=True)
    why = models.CharField(max_length=500)

    class Meta:
        app_label = "pricing"

    def __str__(self) -> str:
        return f"{self.catalogue or 'the installed package'} from {self.at:%Y-%m-%d %H:%M}"
