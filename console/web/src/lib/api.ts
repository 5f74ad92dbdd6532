// Questions to the console process over plain HTTP.

export class ApiError extends Error {
  constructor(
    readonly status: number,
    text: string,
  ) {
    super(text)
  }
}

export async function get<T>(path: string, query: Record<string, string | number> = {}): Promise<T> {
  const asked = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== '') asked.set(name, String(value))
  const text = asked.toString()
  return read<T>(await fetch(text ? `${path}?${text}` : path))
}

export async function post<T>(path: string, body: unknown, csrf = ''): Promise<T> {
  return read<T>(
    await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Csrf-Token': csrf },
      body: JSON.stringify(body),
    }),
  )
}

async function read<T>(answer: Response): Promise<T> {
  const said = (await answer.json().catch(() => ({}))) as { error?: string }
  if (!answer.ok) throw new ApiError(answer.status, said.error ?? `the console answered ${answer.status}`)
  return said as T
}
