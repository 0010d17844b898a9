"""The desk of the lane: candidates taken in, admitted, run one after the other, and adopted."""
