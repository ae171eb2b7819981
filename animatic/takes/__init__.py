"""One take from start to end: ledger -> submit -> wait -> fetch -> store -> deliver. Free of Prefect; whoever orchestrates calls it."""
