"""The collector: from an OTLP request to rows in `spans` and `calls`.

A request comes in by protocol.py and receiver.py, is authenticated (identity.py), read within
bounds (body.py), cleaned (admission.py, content.py, otlp.py), framed (record.py) and made durable
(spool.py, segments.py). The loader (loader.py) takes sealed segments in batches (batch.py) and has
ClickHouse decode (decode.py) and normalise them (dialects.py, meaning.py, normalise.py); what
ClickHouse refuses is set aside (salvage.py).
"""
