-- What dcm4chee does with an object that comes by C-STORE and is there already, or is rejected
-- (StoreServiceEJB.updateDB). Orthanc asks these two functions about each.

local REFUSED_AGAIN = { ['113037^DCM'] = true, ['113038^DCM'] = true }

-- What Orthanc knows of a stored instance under a name; nil when it knows nothing.
local function metadata(instance, name)
   local all = ParseJson(RestApiGet('/instances/' .. instance .. '/metadata?expand', false))
   return all[name]
end

-- The identifier of the stored instance of the same SOP Instance UID, or nil.
local function stored(uid)
   local found = ParseJson(RestApiPost('/tools/lookup', uid, false))
   for _, one in ipairs(found) do
      if one['Type'] == 'Instance' then
         return one['ID']
      end
   end
   return nil
end

-- 0 to go on, else the status of C-STORE-RSP: A771 is a subsequent occurrence of a rejected object.
function ReceivedCStoreInstanceFilter(dicom, origin, info)
   local instance = stored(dicom['SOPInstanceUID'])
   if instance ~= nil and REFUSED_AGAIN[metadata(instance, 'Rejected') or ''] then
      return 0xA771
   end
   return 0
end

-- false to pass an object over, which its sender is told is success.
function ReceivedInstanceFilter(dicom, origin, info)
   if origin['RequestOrigin'] ~= 'DicomProtocol' then
      return true
   end
   local instance = stored(dicom['SOPInstanceUID'])
   if instance == nil then
      return true
   end
   local code = metadata(instance, 'Rejected')
   if code ~= nil then
      return code == '113039^DCM'
   end
   local policy = GetOrthancConfiguration()['StandIn']['OverwritePolicy']
   if policy == 'SAME_SOURCE' then
      return metadata(instance, 'RemoteAET') == origin['RemoteAet']
   end
   return policy == 'ALWAYS'
end
