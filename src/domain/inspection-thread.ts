import { parentPort } from 'node:worker_threads'
import { errorCode, errorMessage } from '../errors.js'
import { type InspectionAnswer, type InspectionRequest, inspectFile } from './inspect-file.js'

// The thread that looks into uploads: what it reads may have been made to keep a processor busy.

parentPort?.on('message', (request: InspectionRequest) => {
  inspectFile(request).then(
    (found) => parentPort?.postMessage({ found } satisfies InspectionAnswer),
    (error: unknown) =>
      parentPort?.postMessage({
        error: { code: errorCode(error), message: errorMessage(error) },
      } satisfies InspectionAnswer),
  )
})
