"""``torghut demo``: real prices decided and replayed, then made prices governed.

The first part decides recorded prices, is killed half-way, resumed, replayed, and compared with
the published root. The second governs a live loop on made prices: challengers, a promotion, a leap
of the price and the way back.
"""
