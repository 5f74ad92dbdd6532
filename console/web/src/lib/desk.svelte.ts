// Everything the page knows: one place, written by the socket and the acts only.

import { answered, aged, begin, isOpen, type Act, type Request } from './acts'
import { linkOf, noLink, step, wordAge, type LinkInput, type LinkState } from './link'
import { merged, nothing, type Seen } from './merge'
import type { Answer, Message, Price, Topics } from './types'

const RETRY_FIRST_MS = 250
const RETRY_MAX_MS = 3000
const TICK_MS = 200

class Desk {
  seen = $state.raw<Seen>(nothing)
  acts = $state.raw<readonly Act[]>([])
  now_ms = $state(Date.now())
  link = $state<LinkState>('connecting')
  word_age_ms = $state<number | null>(null)
  csrf = ''

  #facts = noLink(Date.now())
  #socket: WebSocket | null = null
  #retry_ms = RETRY_FIRST_MS
  #signedOut: () => void = () => {}

  get topics(): Partial<Topics> {
    return this.seen.topics
  }

  price(instrument: string): Price | undefined {
    return this.topics.prices?.find((each) => each.instrument === instrument)
  }

  get account(): string {
    return this.topics.run?.account ?? 'main'
  }

  get mode(): string {
    return this.topics.account?.mode ?? this.topics.run?.mode ?? ''
  }

  get killLevel(): string {
    return this.link === 'down'
      ? (this.topics.run?.kill_level ?? 'NONE')
      : (this.topics.account?.kill_level ?? this.topics.run?.kill_level ?? 'NONE')
  }

  /** Connect and stay connected until the page is left. */
  start(signedOut: () => void): void {
    this.#signedOut = signedOut
    this.#connect()
    setInterval(() => this.#tick(), TICK_MS)
  }

  // --- acts ------------------------------------------------------------------------------------

  act(request: Omit<Request, 'id'> & { type: Request['type'] }, label: string, instead: string): void {
    const whole: Request = { ...request, id: `page-${crypto.randomUUID()}` }
    if (this.acts.some((each) => each.label === label && isOpen(each))) return // it is under way
    this.acts = [begin(whole, label, instead, Date.now()), ...this.acts].slice(0, 5)
    this.#send(whole)
  }

  dismiss(id: string): void {
    this.acts = this.acts.filter((each) => each.request.id !== id)
  }

  #answer(answer: Answer): void {
    this.acts = this.acts.map((each) => answered(each, answer))
  }

  // --- the one writer of the link --------------------------------------------------------------

  #link(input: LinkInput): void {
    this.#facts = step(this.#facts, input)
    this.#show()
  }

  #show(): void {
    this.now_ms = Date.now()
    this.link = linkOf(this.#facts, this.now_ms)
    this.word_age_ms = wordAge(this.#facts, this.now_ms)
  }

  #tick(): void {
    this.#show()
    if (this.acts.some((each) => each.state === 'sending')) {
      this.acts = this.acts.map((each) => aged(each, this.now_ms))
    }
  }

  #connect(): void {
    this.#link({ kind: 'opening', at_ms: Date.now() })
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`)
    this.#socket = socket
    socket.onopen = () => {
      this.#retry_ms = RETRY_FIRST_MS
      this.#link({ kind: 'opened', at_ms: Date.now() })
      this.#hello()
      for (const act of this.acts) if (isOpen(act)) this.#send(act.request)
    }
    socket.onmessage = (event: MessageEvent<string>) => this.#hear(JSON.parse(event.data) as Message)
    socket.onclose = () => void this.#closed(socket)
  }

  async #closed(socket: WebSocket): Promise<void> {
    if (socket !== this.#socket) return
    this.#link({ kind: 'closed', at_ms: Date.now() })
    await new Promise((resume) => setTimeout(resume, this.#retry_ms))
    this.#retry_ms = Math.min(this.#retry_ms * 2, RETRY_MAX_MS)
    if (await isSignedOut()) this.#signedOut()
    else this.#connect()
  }

  #hear(said: Message): void {
    const at_ms = Date.now()
    switch (said.type) {
      case 'answer':
        this.#answer(said.answer)
        return
      case 'beat':
        if (said.epoch !== this.seen.epoch || said.seq > this.seen.seq) this.#hello()
        this.#link({ kind: 'heard', at_ms, trader_age_ms: said.trader_age_ms })
        return
      default: {
        const seen = merged(this.seen, said)
        if (seen === null) {
          this.#hello(true)
          return
        }
        this.seen = seen
        const state = seen.topics.trader?.state ?? 'connecting'
        this.#link({ kind: 'heard', at_ms, trader: state, trader_age_ms: said.trader_age_ms })
      }
    }
  }

  #hello(everything = false): void {
    const { epoch, seq } = everything ? nothing : this.seen
    this.#send({ type: 'hello', epoch, seq })
  }

  #send(message: Record<string, unknown>): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message))
  }
}

async function isSignedOut(): Promise<boolean> {
  try {
    const answer = await fetch('/api/session')
    return answer.ok && !((await answer.json()) as { is_signed_in: boolean }).is_signed_in
  } catch {
    return false // the console is away; that is not the same as signed out
  }
}

export const desk = new Desk()
