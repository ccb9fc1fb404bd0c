"""Plans, decisions, feedback, jobs and models, kept in SQLite or PostgreSQL."""
