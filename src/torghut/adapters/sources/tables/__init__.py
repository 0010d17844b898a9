"""Tables in the documented layout, CSV and Parquet: named columns, and what is then assumed."""
