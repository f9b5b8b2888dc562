//! Sluice's data plane: workers and the packet pipeline.
