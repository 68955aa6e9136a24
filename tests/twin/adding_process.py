"""A writer that adds 1 to a cursor's epoch ten times; argv[1] is JSON.

A process of its own: with several of connector 5's sessions in threads of one, two of
some twenty runs ended in a segmentation fault where a conflict's error was raised.
"""

import json
import sys

import snowflake.connector
from snowflake.connector.errors import ProgrammingError

ADD = """update db.ops.ingest_cursor set epoch = epoch + 1 where "PARTITION" = 0"""
CONFLICT = 625


def main() -> None:
    """Wait for a line, then add, and try again after each conflict."""
    options = json.loads(sys.argv[1])
    with (
        snowflake.connector.connect(**options, autocommit=False) as connection,
        connection.cursor() as cursor,
    ):
        print("ready", flush=True)
        sys.stdin.readline()
        done = conflicts = 0
        while done < 10:
            try:
                cursor.execute(ADD).fetchall()
                cursor.execute("commit").fetchall()
            except ProgrammingError as error:
                if error.errno != CONFLICT:
                    raise
                conflicts += 1
                cursor.execute("rollback").fetchall()
            else:
                done += 1
    print(conflicts)


if __name__ == "__main__":
    main()
