"""Sets tasks going: the last step of a deploy."""

from winestream.operations.session import Session
from winestream.snowflake.identifiers import identifier


def resume_tasks(session: Session, schema: str) -> tuple[str, ...]:
    """Resume every suspended task of a schema; returns their names.

    Children of a graph come before their root, which would otherwise refuse them.
    """
    place = f"the tasks of {schema}"
    tasks = session.records(f"SHOW TASKS IN SCHEMA {identifier(schema)}", place)
    suspended = [task for task in tasks if task["state"] != "started"]
    # A root has no predecessors; SHOW writes that as [] or as nothing.
    suspended.sort(key=lambda task: task["predecessors"] in (None, "", "[]"))
    names = tuple(str(task["name"]) for task in suspended)
    for name in names:
        session.run(f"ALTER TASK {identifier(schema)}.{identifier(name)} RESUME", place)
    return names
