/**
 * An OHIF extension that draws an RT structure set or a segmentation on its images as soon as these are shown.
 *
 * OHIF by itself opens the images alone; the reader has to find the structure set among the thumbnails,
 * open it and confirm. Here the newest structure set that refers to the images is loaded, where there is
 * none the newest segmentation, and the viewport goes to the middle of the slices that cross the most regions.
 * What an archive refuses to store is told, and taken off the list again.
 */

/** How OHIF draws what these modalities hold; the first that a study has is shown. */
const DRAWN_AS = { RTSTRUCT: 'Contour', SEG: 'Labelmap' };

/** Structure sets shown once; one that the reader has removed does not come back. */
const shown = new WeakSet();

/** Return the newest structure set, or else segmentation, that refers to one of these images. */
function newestStructureSet(displaySetService, imageDisplaySetUids) {
  const modalities = Object.keys(DRAWN_AS);
  const written = displaySet => `${displaySet.SeriesDate ?? ''}${displaySet.SeriesTime ?? ''}`;
  return displaySetService
    .getDisplaySetsBy(
      displaySet =>
        modalities.includes(displaySet.Modality) &&
        imageDisplaySetUids.includes(displaySet.referencedDisplaySetInstanceUID)
    )
    .sort(
      (one, other) =>
        modalities.indexOf(one.Modality) - modalities.indexOf(other.Modality) ||
        written(other).localeCompare(written(one))
    )[0];
}

/** Return which images each region of a structure set has a contour on. */
function imagesOfContours({ ROIContourSequence = [] }) {
  return ROIContourSequence.map(({ ContourSequence = [] }) =>
    ContourSequence.map(contour => contour.ContourImageSequence?.[0]?.ReferencedSOPInstanceUID)
  );
}

/** Return which images each frame of a segmentation, which holds one segment, was drawn on. */
function imagesOfFrames({ PerFrameFunctionalGroupsSequence = [] }) {
  return PerFrameFunctionalGroupsSequence.map(({ DerivationImageSequence = [] }) =>
    DerivationImageSequence.flatMap(({ SourceImageSequence = [] }) =>
      SourceImageSequence.map(source => source.ReferencedSOPInstanceUID)
    )
  );
}

/** Return how many regions are on each image: Map of SOPInstanceUID to a count. */
function regionsPerImage({ Modality, instance }) {
  const counts = new Map();
  for (const images of Modality === 'SEG' ? imagesOfFrames(instance) : imagesOfContours(instance)) {
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
  const type = DRAWN_AS[structureSet.Modality];
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
    type,
  });
  await segmentationService.addSegmentationRepresentation(viewportId, {
    segmentationId: structureSet.displaySetInstanceUID,
    type,
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

/**
 * Fetch a structure set whole where the archive's metadata do not hold its contours.
 *
 * OHIF would ask for each contour by itself, thousands of requests, and many a dcm4chee answers them with 404 (its issue 4950).
 */
function chooseWayOfContours(extensionManager) {
  const [dataSource] = extensionManager.getActiveDataSource();
  const { bulkDataURI, contoursInMetadata } = dataSource.getConfig();
  bulkDataURI.enabled = contoursInMetadata;
}

/** Take an object that no archive has taken off the list: OHIF puts it there before it is stored. */
function takeOff(sopInstanceUid, displaySetService) {
  const isIt = instance => instance.SOPInstanceUID === sopInstanceUid;
  for (const displaySet of displaySetService.getDisplaySetsBy(({ instances }) => instances?.some(isIt))) {
    if (displaySet.instances.every(isIt)) {
      displaySetService.deleteDisplaySet(displaySet.displaySetInstanceUID);
    } else {
      displaySet.instances = displaySet.instances.filter(instance => !isIt(instance));
    }
  }
}

/** Archives whose refusals are told. */
const watched = new WeakSet();

/** Tell a refusal of what is saved in words, and let nothing refused stand in the list as if it were stored. */
function tellRefusals({ extensionManager, servicesManager }) {
  for (const { sourceName } of window.config.dataSources) {
    const [{ store }] = extensionManager.getDataSources(sourceName);
    if (watched.has(store)) {
      continue;
    }
    watched.add(store);
    const { dicom } = store;
    store.dicom = async (dataset, ...further) => {
      try {
        return await dicom(dataset, ...further);
      } catch (error) {
        console.warn(error);
        takeOff(dataset.SOPInstanceUID, servicesManager.services.displaySetService);
        const answer = error.status ? ` (HTTP ${error.status})` : '';
        throw new Error(
          `${sourceName} has not stored this${answer}. What you drew is still here: save again, or download.`
        );
      }
    };
  }
}

let subscription;

export default {
  id: 'pacs-suite.show-structures',

  onModeEnter(managers) {
    chooseWayOfContours(managers.extensionManager);
    tellRefusals(managers);
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
