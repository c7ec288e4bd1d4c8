/**
 * An OHIF extension that draws an RT structure set on its images as soon as these are shown.
 *
 * OHIF by itself opens the images alone; the reader has to find the structure set among the thumbnails,
 * open it and confirm. Here the newest structure set that refers to the images is loaded, and the
 * viewport goes to the middle of the slices that cross the most regions.
 */

/** Structure sets shown once; one that the reader has removed does not come back. */
const shown = new WeakSet();

/** Return the newest structure set among display sets that refers to one of these images. */
function newestStructureSet(displaySetService, imageDisplaySetUids) {
  const written = displaySet => `${displaySet.SeriesDate ?? ''}${displaySet.SeriesTime ?? ''}`;
  return displaySetService
    .getDisplaySetsBy(
      displaySet =>
        displaySet.Modality === 'RTSTRUCT' &&
        imageDisplaySetUids.includes(displaySet.referencedDisplaySetInstanceUID)
    )
    .sort((one, other) => written(other).localeCompare(written(one)))[0];
}

/** Return how many regions have a contour on each image: Map of SOPInstanceUID to a count. */
function regionsPerImage(structureSet) {
  const counts = new Map();
  for (const region of structureSet.instance.ROIContourSequence ?? []) {
    const images = (region.ContourSequence ?? []).map(
      contour => contour.ContourImageSequence?.[0]?.ReferencedSOPInstanceUID
    );
    for (const uid of new Set(images)) {
      counts.set(uid, (counts.get(uid) ?? 0) + 1);
    }
  }
  return counts;
}

/** Return the middle one of the slices that cross the most regions, or undefined if none is known. */
function bestSlice(imageIds, structureSet) {
  const counts = regionsPerImage(structureSet);
  const regions = imageIds.map(imageId => counts.get(/\/instances\/([^/]+)/.exec(imageId)?.[1]) ?? 0);
  const most = Math.max(...regions);
  const best = [...regions.keys()].filter(index => most > 0 && regions[index] === most);
  return best[Math.floor(best.length / 2)];
}

/** Leave out contours without coordinates: for one of them OHIF would refuse all regions. */
function dropEmptyContours(structureSet) {
  for (const region of structureSet.instance.ROIContourSequence ?? []) {
    region.ContourSequence = region.ContourSequence?.filter(contour => contour.ContourData);
  }
}

/** Return whether the address itself says which image to open. */
function addressNamesImage() {
  const names = [...new URLSearchParams(window.location.search).keys()];
  return names.some(name => name.toLowerCase() === 'initialsopinstanceuid');
}

/** Load a structure set and draw it in a viewport that shows its images. */
async function show(structureSet, viewportId, { servicesManager, commandsManager }) {
  const { cornerstoneViewportService, segmentationService, userAuthenticationService } =
    servicesManager.services;
  dropEmptyContours(structureSet);
  await structureSet.load({ headers: userAuthenticationService.getAuthorizationHeader() });
  const viewport = cornerstoneViewportService.getCornerstoneViewport(viewportId);
  if (!viewport) {
    return;
  }
  const slice = bestSlice(viewport.getImageIds(), structureSet);
  if (slice !== undefined && viewport.setImageIdIndex && !addressNamesImage()) {
    await viewport.setImageIdIndex(slice);
  }
  // Remembered for every other viewport that will show these images, drawn in this one.
  commandsManager.runCommand('updateStoredSegmentationPresentation', {
    displaySet: structureSet,
    type: 'Contour',
  });
  await segmentationService.addSegmentationRepresentation(viewportId, {
    segmentationId: structureSet.displaySetInstanceUID,
    type: 'Contour',
  });
}

/** Show what belongs to the images of a viewport, once. */
function onImagesShown({ viewportId, viewportData }, managers) {
  const { displaySetService, uiNotificationService } = managers.servicesManager.services;
  const uids = viewportData.data.map(data => data.displaySetInstanceUID);
  const structureSet = newestStructureSet(displaySetService, uids);
  if (!structureSet || shown.has(structureSet) || uids.includes(structureSet.displaySetInstanceUID)) {
    return;
  }
  shown.add(structureSet);
  show(structureSet, viewportId, managers).catch(error => {
    console.error(error);
    uiNotificationService.show({
      title: 'Structure set not shown',
      message: `OHIF cannot draw the structure set of this series: ${error.message ?? error}`,
      type: 'error',
    });
  });
}

let subscription;

export default {
  id: 'pacs-suite.show-structures',

  onModeEnter(managers) {
    const { cornerstoneViewportService } = managers.servicesManager.services;
    subscription = cornerstoneViewportService.subscribe(
      cornerstoneViewportService.EVENTS.VIEWPORT_DATA_CHANGED,
      event => onImagesShown(event, managers)
    );
  },

  onModeExit() {
    subscription?.unsubscribe();
  },
};
