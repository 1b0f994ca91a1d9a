// A person's client, by matrix-js-sdk: types one command and prints a JSON line whenever what it shows of it changes.
// node person.mjs SDK HOMESERVER USER TOKEN ROOM TEXT; ends with its standard input.

import { pathToFileURL } from "node:url";

const [path, baseUrl, userId, accessToken, roomId, text] = process.argv.slice(2);
const sdk = await import(pathToFileURL(path).href);
sdk.loglevel?.setLevel?.("error");
const { logger } = await import(new URL("logger.js", pathToFileURL(path)).href);
logger.setLevel("error");

const client = sdk.createClient({ baseUrl, userId, accessToken, deviceId: "JS", timelineSupport: true });
let asked = null;
let shown = "";

function replyTo(room) {
    const all = room.getLiveTimeline().getEvents();
    return all.find((event) => event.replyEventId === asked && !event.isRelation("m.replace"));
}

function reactionsOn(room, eventId) {
    const relations = room.relations.getChildEventsForEvent(eventId, "m.annotation", "m.reaction");
    const sorted = relations?.getSortedAnnotationsByKey() ?? [];
    return sorted.map(([key, events]) => ({ key, count: events.size, senders: [...events].map((e) => e.getSender()) }));
}

function look() {
    const room = client.getRoom(roomId);
    const reply = asked && room && replyTo(room);
    if (!reply) return;
    const edit = reply.replacingEvent();
    const line = JSON.stringify({
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
    if (line !== shown) console.log(line);
    shown = line;
}

process.stdin.resume();
process.stdin.on("end", () => {
    client.stopClient();
    process.exit(0);
});
await client.startClient({ initialSyncLimit: 50 });
await new Promise((resolve) => {
    client.on("sync", (state) => {
        if (state === "PREPARED") resolve();
    });
});
const sent = await client.sendEvent(roomId, "m.room.message", { msgtype: "m.text", body: text });
asked = sent.event_id;
setInterval(look, 200);
