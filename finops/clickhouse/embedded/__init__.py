"""The embedded ClickHouse: one process owns a chDB data folder and serves it over TCP.

`python -m finops.clickhouse.embedded --data-dir DIR` takes DIR/lock, writes DIR/password and
listens on loopback. It speaks ClickHouse's native protocol (revision 54459), so an unmodified
clickhouse-driver can't tell it from a server, and the embedded product runs production's code.

Each connection is one thread with one chDB session (session.py); bytes in and out are packets
(packets.py, connection.py). Where a column ends is known only from its type, so walker.py finds it.
A SELECT streams: one Native block of chDB is one Data packet. An INSERT's blocks go to a private
file (staging.py) and then run as one INSERT SELECT FROM file(), because chDB's own streaming
insert reports success for rows that a constraint or a view refused. statements.py tells these
apart. watcher.py sees a Cancel packet or a vanished client during a query and kills the query.
"""
