// Which question is open. PAUSE lowers risk and is taken back easily: it asks nothing.

import type { Level, Request } from './acts'
import { desk } from './desk.svelte'

export interface Question {
  title: string
  text: string
  confirm: string
  /** What has to be typed, empty when confirming is enough. */
  typed: string
  danger: 'flatten' | 'emergency' | 'raise'
  request: Omit<Request, 'id'> & { type: Request['type'] }
  label: string
  instead: string
}

class KillQuestions {
  open = $state.raw<Question | null>(null)

  ask(level: Level): void {
    const instead = `holdfast kill ${level}`
    const request = { type: 'kill', level, reason: 'asked on the console' } as const
    if (level === 'PAUSE') {
      desk.act(request, 'PAUSE', instead)
      return
    }
    this.open = {
      title: level,
      text: '',
      confirm: level === 'FLATTEN' ? 'Flatten' : 'Stop everything',
      typed: level === 'EMERGENCY' ? 'EMERGENCY' : '',
      danger: level === 'FLATTEN' ? 'flatten' : 'emergency',
      request,
      label: level,
      instead,
    }
  }

  resume(): void {
    const isEmergency = desk.killLevel === 'EMERGENCY'
    this.open = {
      title: isEmergency ? 'Re-arm' : 'Resume',
      text: `Lift ${desk.killLevel}: strategies may open positions in ${desk.mode} again.`,
      confirm: isEmergency ? 'Re-arm' : 'Resume entries',
      typed: isEmergency ? desk.account : '',
      danger: 'raise',
      request: { type: 'resume', reason: 'asked on the console', rearm: isEmergency },
      label: 'RESUME',
      instead: isEmergency ? 'holdfast resume --rearm' : 'holdfast resume',
    }
  }

  raise(name: string, value: unknown, shown: string): void {
    this.open = {
      title: `Raise ${name}`,
      text: `Set ${name} to ${shown}: more risk is allowed in ${desk.mode} than now.`,
      confirm: 'Raise',
      typed: desk.account,
      danger: 'raise',
      request: { type: 'control', name, value, reason: 'raised on the console' },
      label: name,
      instead: `holdfast controls ${name} ${shown}`,
    }
  }

  close(): void {
    this.open = null
  }
}

export const killDialog = new KillQuestions()
