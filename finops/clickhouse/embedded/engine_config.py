"""The config file of chDB, written at every start."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

# An acknowledged INSERT survives kill -9 without fsync, since the page cache outlives the process.
# Ingest deletes its own copy of the data once an INSERT is acknowledged, so losing power must not
# lose the INSERT either: parts and their directories are synced. A small INSERT takes about three
# times as long for it, which batches of a segment don't feel.
FSYNC = """
  <merge_tree>
    <fsync_after_insert>1</fsync_after_insert>
    <fsync_part_directory>1</fsync_part_directory>
  </merge_tree>"""

# The other processes of the product live on the same machine.
MEMORY = """
  <max_server_memory_usage_to_ram_ratio>0.6</max_server_memory_usage_to_ram_ratio>"""

QUERY_LOG = """
  <query_log>
    <database>system</database>
    <table>query_log</table>
    <ttl>event_date + INTERVAL 3 DAY DELETE</ttl>
  </query_log>"""


def write_config(path: Path, backups: Path, *, fsync: bool, query_log: bool) -> None:
    """Write the file: where BACKUP may write, how INSERTs reach the disk, what is logged."""
    path.write_text(
        f"""<clickhouse>
  <backups><allowed_path>{escape(str(backups))}</allowed_path></backups>{MEMORY}{
            FSYNC if fsync else ""
        }{QUERY_LOG if query_log else ""}
</clickhouse>
"""
    )
