// A worker thread of clients that send one request on each connection, to the port in `workerData`, until it gets a message. It
// then reports how many requests were answered, and how many were lost after the connection was there.
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

export type Outcomes = { answered: number; lost: number }

const request = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
const clients = 8
const outcomes: Outcomes = { answered: 0, lost: 0 }
let isOver = false

async function send(): Promise<void> {
  const socket = connect(Number(workerData), '127.0.0.1')
  let isConnected = false
  let isAnswered = false
  socket.once('connect', () => {
    isConnected = true
    socket.write(request)
  })
  socket.on('data', () => {
    isAnswered = true
  })
  socket.on('error', () => {})
  await once(socket, 'close')
  if (isAnswered) outcomes.answered++
  else if (isConnected) outcomes.lost++
}

async function repeat(): Promise<void> {
  while (!isOver) {
    await send()
    await delay(10)
  }
}

parentPort?.once('message', () => {
  isOver = true
})
await Promise.all(Array.from({ length: clients }, repeat))
parentPort?.postMessage(outcomes)
