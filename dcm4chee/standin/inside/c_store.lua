-- Which objects that come by C-STORE are passed over, though their sender is told of success: what dcm4chee
-- does with an object that is there already (StoreServiceEJB.updateDB). Orthanc asks this about each object.
-- Those that are refused are refused by c_store.py: Lua cannot give a status.

local function metadata(instance, name)
   return ParseJson(RestApiGet('/instances/' .. instance .. '/metadata?expand', false))[name]
end

-- The identifier of the stored instance of the same SOP Instance UID, or nil.
local function stored(uid)
   for _, one in ipairs(ParseJson(RestApiPost('/tools/lookup', uid, false))) do
      if one['Type'] == 'Instance' then
         return one['ID']
      end
   end
   return nil
end

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
      return code ~= '113001^DCM' -- rejected for quality: silently ignored
   end
   local policy = GetOrthancConfiguration()['StandIn']['OverwritePolicy']
   if policy == 'SAME_SOURCE' then
      return metadata(instance, 'RemoteAET') == origin['RemoteAet']
   end
   return policy == 'ALWAYS'
end
