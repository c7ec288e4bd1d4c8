"""Numbers about regions: volumes and intensities (`region`), axes (`moments`), diameters and shape."""
