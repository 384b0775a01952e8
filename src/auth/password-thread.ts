import { parentPort } from 'node:worker_threads'
import { verifyPassword } from './password-hashes.js'

/** What `passwordWorker` sends to its thread, one at a time; the answer is a boolean. */
export interface VerificationRequest {
  readonly password: string
  readonly stored: string
}

parentPort?.on('message', ({ password, stored }: VerificationRequest) => {
  parentPort?.postMessage(verifyPassword(password, stored))
})
