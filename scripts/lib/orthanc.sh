#!/bin/bash
# Usage: scripts/lib/orthanc.sh ARGUMENTS...
#
# Becomes Orthanc, whose log goes through log_values.sed, byte by byte: no patient's value stands in what is kept.
exec > >(LC_ALL=C exec sed -u -E -f "$(dirname "$0")/log_values.sed") 2>&1
exec /usr/sbin/Orthanc "$@"
