"""Take an invoice in, or back: the lines, the record of the file, the entry in the audit trail."""

from __future__ import annotations

import gzip
import hashlib
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from django.db import transaction
from django.db.models import Max

from finops.accounts.audit import record
from finops.accounts.models import User, Workspace
from finops.clickhouse.client import Warehouse
from finops.invoices.limits import LIMITS, Limits
from finops.invoices.models import Invoice
from finops.invoices.preview import sums
from finops.invoices.read import Reading, read_invoice
from finops.invoices.store import write_lines
from finops.invoices.units import units
from finops.queries.invoiced import forget_lines, newest_version, units_of_invoice

DRAFTS_KEPT = timedelta(hours=24)
MOST_DRAFTS = 10


@dataclass(frozen=True, slots=True)
class Offer:
    """A file as it is handed in. `format` '' is found out, `mapping` is JSON for plain CSV."""

    file: BinaryIO
    name: str
    format: str = ""
    mapping: str = ""
    account: str = ""

    def read(self, limits: Limits = LIMITS) -> Reading:
        """Read it; raises InvoiceError."""
        return read_invoice(
            self.file,
            format=self.format,
            mapping=self.mapping,
            account=self.account,
            limits=limits,
        )

    def sha256(self) -> tuple[str, int]:
        """Return the hash of the file and its length."""
        self.file.seek(0)
        digest, size = hashlib.sha256(), 0
        while piece := self.file.read(256 * 1024):
            digest.update(piece)
            size += len(piece)
        self.file.seek(0)
        return digest.hexdigest(), size


def take_in(
    ch: Warehouse,
    workspace: Workspace,
    offer: Offer,
    *,
    now: datetime,
    actor: User | None,
    key: str = "",
    limits: Limits = LIMITS,
) -> Invoice:
    """Read a file and take all of it in; raises InvoiceError when nothing was.

    The same file again is the same invoice. Of days that another invoice of the same bill and
    account covers, the lines of this one hold from now on.
    """
    reading = offer.read(limits)
    reading.refuse_problems()
    invoice = claim(ch, workspace, offer, reading, now=now, actor=actor)
    _, empty = units(reading.lines, reading.covered)
    write_lines(
        ch, workspace.pk, invoice.pk, reading.lines, empty, version=invoice.version, now=now
    )
    with transaction.atomic():
        invoice.state = Invoice.State.IMPORTED
        invoice.imported_at = now
        invoice.save(update_fields=["state", "imported_at"])
        record(
            workspace, actor, "invoice.imported", f"invoice {invoice.pk}", key=key, **facts(invoice)
        )
    return invoice


def claim(
    ch: Warehouse,
    workspace: Workspace,
    offer: Offer,
    reading: Reading,
    *,
    now: datetime,
    actor: User | None,
) -> Invoice:
    """Make or find the record of a file, with a version above all others of the workspace."""
    sha256, size = offer.sha256()
    with transaction.atomic():
        version = next_version(ch, workspace, now)
        same = workspace.invoices.exclude(state=Invoice.State.DRAFT).filter(
            sha256=sha256, account=offer.account, mapping=offer.mapping, format=reading.format
        )
        invoice = same.first() or Invoice(workspace=workspace, sha256=sha256, created_at=now)
        invoice.name = offer.name[-200:]
        invoice.size_bytes = size
        invoice.account, invoice.mapping = offer.account, offer.mapping
        describe(invoice, reading)
        invoice.state = Invoice.State.IMPORTING
        invoice.version = version
        invoice.who = actor
        invoice.save()
    return invoice


def next_version(ch: Warehouse, workspace: Workspace, now: datetime) -> int:
    """Return a version above all others; call it in the transaction that writes it down.

    Records that were deleted still have rows, and those of an import on its way have none yet.
    """
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    recorded = workspace.invoices.aggregate(newest=Max("version"))["newest"] or 0
    written = newest_version(ch, workspace.pk)
    return max(int(now.timestamp() * 1000), recorded + 1, written + 1)


def describe(invoice: Invoice, reading: Reading) -> None:
    """Write what a reading found to the record."""
    invoice.format = reading.format
    invoice.first_day, invoice.last_day = reading.first_day, reading.last_day
    invoice.lines = len(reading.lines)
    invoice.totals = {name: f"{total:f}" for name, total in sorted(sums(reading.lines).items())}
    invoice.notes = reading.notes


def keep_draft(
    workspace: Workspace, offer: Offer, reading: Reading, *, now: datetime, actor: User
) -> Invoice:
    """Keep a file until its yes, for a day; older drafts and those over the bound go."""
    drafts = workspace.invoices.filter(state=Invoice.State.DRAFT)
    drafts.filter(created_at__lt=now - DRAFTS_KEPT).delete()
    kept = list(drafts.order_by("-created_at").values_list("pk", flat=True)[: MOST_DRAFTS - 1])
    drafts.exclude(pk__in=kept).delete()
    sha256, size = offer.sha256()
    draft = Invoice(
        workspace=workspace,
        name=offer.name[-200:],
        sha256=sha256,
        size_bytes=size,
        account=offer.account,
        mapping=offer.mapping,
        content=gzip.compress(offer.file.read(), compresslevel=1, mtime=0),
        who=actor,
        created_at=now,
    )
    describe(draft, reading)
    draft.save()
    return draft


def offer_of(draft: Invoice) -> Offer:
    """The file of a draft as it was handed in."""
    content = gzip.decompress(bytes(draft.content or b""))
    return Offer(io.BytesIO(content), draft.name, draft.format, draft.mapping, draft.account)


def take_back(
    ch: Warehouse, invoice: Invoice, *, now: datetime, actor: User | None, key: str = ""
) -> None:
    """Delete an invoice and its lines; the days that it covered stay empty until imported again."""
    workspace = invoice.workspace
    with transaction.atomic():
        version = next_version(ch, workspace, now)
        # Later imports have to come after it.
        invoice.version = version
        invoice.save(update_fields=["version"])
    held = units_of_invoice(ch, workspace.pk, invoice.pk)
    write_lines(ch, workspace.pk, invoice.pk, [], held, version=version, now=now)
    forget_lines(ch, workspace.pk, invoice.pk)
    with transaction.atomic():
        record(
            workspace, actor, "invoice.deleted", f"invoice {invoice.pk}", key=key, **facts(invoice)
        )
        invoice.delete()


def facts(invoice: Invoice) -> dict[str, object]:
    return {
        "name": invoice.name,
        "format": invoice.format,
        "account": invoice.account,
        "sha256": invoice.sha256,
        "first_day": invoice.first_day.isoformat() if invoice.first_day else "",
        "last_day": invoice.last_day.isoformat() if invoice.last_day else "",
        "lines": invoice.lines,
        "totals": invoice.totals,
    }
