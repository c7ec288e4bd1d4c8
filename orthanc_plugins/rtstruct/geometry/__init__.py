"""Where contours and voxels lie: stacks, grids, rings on planes, what is inside them, and masks of it."""
