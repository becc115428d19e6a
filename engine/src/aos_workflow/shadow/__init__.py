"""Shadow simulation: runs and their replicas under seeds, schedules and faults, compared step by step."""
