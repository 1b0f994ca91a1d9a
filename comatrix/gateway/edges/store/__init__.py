"""The durable side: SQLite. `store.py` owns the database, one module of SQL functions a table."""
