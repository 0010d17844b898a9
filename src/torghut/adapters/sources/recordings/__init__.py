"""Recordings as others publish them: LEAN zips, Binance messages, the daily prices of the demo."""
