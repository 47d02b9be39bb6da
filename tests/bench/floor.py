# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What PostgreSQL itself does in rows per second: one connection, plain SQL, 1000 rows
a statement, on a table like the peer's. No server of a mapper can be faster.

``floor.py DSN ROWS``: prints JSON.
"""

import json
import random
import sys
import time

import psycopg2

SIZE = 1000
TABLE = """
    CREATE TABLE bench_floor AS
    SELECT 'token:' || n || '@nationalId' AS id, 'account:' || n AS fa,
           'Person ' || n AS name
      FROM generate_series(1, %s) n;
    ALTER TABLE bench_floor ADD PRIMARY KEY (id);
    ANALYZE bench_floor
"""
STATEMENTS = {
    "resolve": "SELECT id, fa, name FROM bench_floor WHERE id = ANY(%(ids)s)",
    "link": "INSERT INTO bench_floor SELECT i || 'n', i, i FROM unnest(%(ids)s) i",
    "update": "UPDATE bench_floor SET fa = 'x' FROM unnest(%(ids)s) i WHERE id = i",
    "unlink": "DELETE FROM bench_floor WHERE id = ANY(%(ids)s)",
}


def main(dsn, rows):
    connection = psycopg2.connect(dsn)
    rates = {}
    with connection.cursor() as cursor:
        cursor.execute(TABLE, [rows])
        connection.commit()
        for operation, statement in STATEMENTS.items():
            numbers = random.sample(range(1, rows + 1), min(rows, 60 * SIZE))
            done, begin = 0, time.perf_counter()
            while batch := numbers[done : done + SIZE]:
                ids = [f"token:{number}@nationalId" for number in batch]
                cursor.execute(statement, {"ids": ids})
                if operation == "resolve":
                    cursor.fetchall()
                connection.commit()
                done += len(batch)
                if time.perf_counter() - begin > 3:
                    break
            rates[operation] = done / (time.perf_counter() - begin)
        cursor.execute("DROP TABLE bench_floor")
        connection.commit()
    connection.close()
    print(json.dumps(rates))  # noqa: T201 - its result


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
