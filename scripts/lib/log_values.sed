# Takes patients' values out of Orthanc's log: "Ignoring DICOM tag (0010,1030) with invalid content for VR DS:"
# quotes the value. A value of several lines goes on until the next line that Orthanc begins: all of it goes.
/^[EWIT][0-9]{4} [0-9:.]+ / {
    s/(with invalid content for VR [A-Z?]{0,2}).*/\1: (value not logged)/
    h
    b
}
x
/\(value not logged\)$/ {
    x
    d
}
x
