using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using System.Runtime.InteropServices;

namespace LowLatency.Server.Inspection;

/// <summary>Fields of messages.</summary>
internal static unsafe class MessageFields
{
    internal static void Write(RecordJson json, in JournalRecord record)
    {
        fixed (byte* body = record.Body)
        {
            var view = new MessageView(body, record.Body.Length);
            uint publisher = *(uint*)(body + MessageLayout.PublisherId);
            if (publisher != 0)
                WritePublisher(json, publisher, *(ulong*)(body + MessageLayout.PublisherSequence));
            WriteWhere(json, in view);
            WriteRoutes(json, body);
            json.Json.WriteNumber("bodyLength", view.Body.Length);
            if (view.HeadersLength > 0 && !json.WithHeaders)
                json.Json.WriteNumber("headersLength", view.HeadersLength);
            WriteContent(json, in view);
        }
    }

    /// <summary>When it was published, to which exchange, with which key.</summary>
    internal static void WriteWhere(RecordJson json, in MessageView view)
    {
        json.Time("published", view.PublishedNs);
        json.Time("received", view.ReceivedNs);
        json.Exchange("exchange", view.ExchangeId);
        FieldJson.Text(json.Json, "routingKey", view.RoutingKey);
    }

    /// <summary>Headers and payload, as far as they are wanted.</summary>
    internal static void WriteContent(RecordJson json, in MessageView view)
    {
        if (json.WithHeaders)
            FieldJson.Headers(json.Json, view.Headers);
        if (json.WithPayload)
            FieldJson.Text(json.Json, "payload", view.Body);
    }

    /// <summary>When it was in the journal.</summary>
    internal static long Time(ReadOnlySpan<byte> body) =>
        MemoryMarshal.Read<long>(body[MessageLayout.ReceivedNs..]) + MemoryMarshal.Read<uint>(body[MessageLayout.JournaledDeltaNs..]);

    internal static bool Concerns(in JournalRecord record, HashSet<uint> queues)
    {
        foreach (MessageRoute route in Routes(record.Body))
        {
            if (queues.Contains(route.QueueId))
                return true;
        }
        return false;
    }

    /// <summary>The queues that a message was put into.</summary>
    internal static ReadOnlySpan<MessageRoute> Routes(ReadOnlySpan<byte> body)
    {
        int count = MemoryMarshal.Read<ushort>(body[MessageLayout.RouteCount..]);
        return MemoryMarshal.Cast<byte, MessageRoute>(body.Slice(MessageLayout.Routes, count * MessageLayout.RouteLength));
    }

    private static void WritePublisher(RecordJson json, uint id, ulong sequence)
    {
        if (json.Names.Publisher(id) is { } name)
            json.Json.WriteString("publisher", name);
        else
            json.Json.WriteNumber("publisherId", id);
        json.Json.WriteNumber("publisherSequence", sequence);
    }

    private static void WriteRoutes(RecordJson json, byte* body)
    {
        json.Json.WriteStartArray("routes");
        foreach (MessageRoute route in Routes(new ReadOnlySpan<byte>(body, MessageLayout.Payload(*(ushort*)(body + MessageLayout.RouteCount)))))
        {
            if (route.IsEndOfDelay)
            {
                json.Json.WriteStartObject();
                json.Time("delayedUntil", route.Place);
                json.Json.WriteEndObject();
                continue;
            }
            json.Json.WriteStartObject();
            json.Queue(route.QueueId);
            json.Json.WriteNumber(route.IsScheduled ? "scheduleNumber" : "sequence", route.Place);
            if (route.IsMaybeDelivered)
                json.Json.WriteBoolean("maybeDelivered", true);
            if (route.IsUnsettled)
                json.Json.WriteBoolean("unsettled", true);
            if (route.DeliveryCount > 0)
                json.Json.WriteNumber("deliveryCount", route.DeliveryCount);
            json.Json.WriteEndObject();
        }
        json.Json.WriteEndArray();
    }
}

/// <summary>One route of a message, as it stands in its record: see <see cref="MessageLayout"/>.</summary>
[StructLayout(LayoutKind.Explicit, Size = MessageLayout.RouteLength)]
internal readonly struct MessageRoute
{
    /// <summary>The queue's sequence, or its schedule number.</summary>
    [field: FieldOffset(MessageLayout.RouteQueueSequence)]
    internal long Place { get; }

    [field: FieldOffset(MessageLayout.RouteQueueId)]
    internal uint QueueId { get; }

    [field: FieldOffset(MessageLayout.RouteFlags)]
    private uint Flags { get; }

    internal bool IsScheduled => (Flags & MessageLayout.ScheduledFlag) != 0;

    /// <summary>Not a queue, but when the back-off in the one before ends: see <see cref="MessageLayout.DelayedFlag"/>.</summary>
    internal bool IsEndOfDelay => (Flags & MessageLayout.DelayedFlag) != 0;

    /// <summary>Of a moved message, as the next one.</summary>
    internal bool IsUnsettled => (Flags & MessageLayout.UnsettledFlag) != 0;

    internal int DeliveryCount => (int)(Flags >> MessageLayout.DeliveryCountShift);

    /// <summary>A dead letter that may have been delivered before: see <see cref="MessageLayout.MaybeDeliveredFlag"/>.</summary>
    internal bool IsMaybeDelivered => (Flags & MessageLayout.MaybeDeliveredFlag) != 0;
}
