"""What people and schedules do to a pipeline's warehouse, one module a task."""
