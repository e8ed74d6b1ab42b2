/** Topics of events: added, and taken in and out of use. */
import { useRef, useState } from 'preact/hooks';
import { newId } from '../api/asking_again';
import { ask } from '../api/client';
import type { Page, WireTopic } from '../api/wire';
import { askAsUser } from '../app/session';
import { slugOr } from '../app/new_event';
import { Action } from './action';
import { useResource } from './resource';
import { besideField, SendingState, useSending } from './sending';
import { TextField } from './text_field';

const REFRESH_MS = 10_000;
const SALT = 5;

export const readAllTopics = (signal: AbortSignal): Promise<WireTopic[]> =>
  ask<Page<WireTopic>>('GET', '/topics', { signal }).then((page) => page.items);

export function Topics() {
  const topics = useResource('all topics', readAllTopics, REFRESH_MS);
  const [name, setName] = useState('');
  const spare = useRef(`topic-${newId().slice(-SALT)}`);
  const slug = slugOr(name, spare.current);
  const sending = useSending();
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const body = { topic: slug, name: name.trim() };
    await sending.send(
      () => askAsUser('POST', '/topics', { body }),
      `Topic ${body.name} is there`,
      () => {
        setName('');
        spare.current = `topic-${newId().slice(-SALT)}`;
        topics.reload();
      },
    );
  }
  const turn = (topic: WireTopic) =>
    sending
      .send(
        () => askAsUser('PATCH', `/topics/${topic.topic}`, { body: { active: !topic.active } }),
        `Topic ${topic.name} is ${topic.active ? 'out of use' : 'in use'}`,
      )
      .then(topics.reload);
  return (
    <section class="panel" aria-labelledby="topics-title">
      <h2 id="topics-title">Topics</h2>
      {topics.error && <p class="warning">{topics.error}</p>}
      <ul class="links">
        {topics.data?.map((topic) => (
          <li key={topic.topic} class="row between">
            <span class={topic.active ? '' : 'soft'}>
              {topic.name}
              {!topic.active && ' (out of use)'}
            </span>
            <Action type="button" class="small" isBusy={sending.isBusy} onClick={() => void turn(topic)}>
              {topic.active ? 'Take out of use' : 'Use again'} <span class="unseen">{topic.name}</span>
            </Action>
          </li>
        ))}
      </ul>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <TextField
          id="topic-name"
          label="New topic"
          isWord
          value={name}
          change={(text) => {
            sending.forget();
            setName(text);
          }}
          required
          hint={name.trim() && `Its name in addresses: ${slug}`}
          problem={besideField(sending, 'topic') ?? besideField(sending, 'name')}
        />
        <SendingState sending={sending} fields={['topic', 'name']} />
        <Action type="submit" isBusy={sending.isBusy}>
          Add the topic
        </Action>
      </form>
    </section>
  );
}
