// A person's client, by matrix-js-sdk: types each line of its standard input into a room, prints {"typed": event id},
// and a JSON line whenever what it shows of one of them changes.
// node person.mjs SDK HOMESERVER USER TOKEN ROOM; ends with its standard input. A line is a JSON string.

import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

globalThis.crypto ??= webcrypto; // Node.js 18 has it, but not under that name

const [path, baseUrl, userId, accessToken, roomId] = process.argv.slice(2);
const sdk = await import(pathToFileURL(path).href);
sdk.loglevel?.setLevel?.("error");
const { logger } = await import(new URL("logger.js", pathToFileURL(path)).href);
logger.setLevel("error");

const client = sdk.createClient({ baseUrl, userId, accessToken, deviceId: "JS", timelineSupport: true });
const shown = new Map();

function replyTo(room, asked) {
    for (const timeline of room.getUnfilteredTimelineSet().getTimelines()) {
        const found = timeline.getEvents().find((e) => e.replyEventId === asked && !e.isRelation("m.replace"));
        if (found) return found;
    }
    return null;
}

function reactionsOn(room, eventId) {
    const relations = room.relations.getChildEventsForEvent(eventId, "m.annotation", "m.reaction");
    const sorted = relations?.getSortedAnnotationsByKey() ?? [];
    return sorted.map(([key, events]) => ({ key, count: events.size, senders: [...events].map((e) => e.getSender()) }));
}

function look(room, asked) {
    const reply = replyTo(room, asked);
    if (!reply) return;
    const edit = reply.replacingEvent();
    const line = JSON.stringify({
        asked,
        sender: reply.getSender(),
        original: reply.getOriginalContent().body,
        body: reply.getContent().body,
        msgtype: reply.getContent().msgtype,
        command: reply.getContent()["eu.comatrix.command"] ?? null,
        edited: edit !== null && edit !== undefined,
        editor: edit?.getSender() ?? null,
        inReplyTo: reply.replyEventId === asked,
        reactions: reactionsOn(room, asked),
    });
    if (line !== shown.get(asked)) console.log(line);
    shown.set(asked, line);
}

await client.startClient({ initialSyncLimit: 50 });
await new Promise((resolve) => {
    client.on("sync", (state) => {
        if (state === "PREPARED") resolve();
    });
});
setInterval(() => {
    const room = client.getRoom(roomId);
    if (room) for (const asked of shown.keys()) look(room, asked);
}, 200);
for await (const line of createInterface({ input: process.stdin })) {
    const sent = await client.sendEvent(roomId, "m.room.message", { msgtype: "m.text", body: JSON.parse(line) });
    shown.set(sent.event_id, "");
    console.log(JSON.stringify({ typed: sent.event_id }));
}
client.stopClient();
process.exit(0);
