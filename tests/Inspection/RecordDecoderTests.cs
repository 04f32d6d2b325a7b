using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Server.Inspection;
using Xunit;

namespace LowLatency.Tests.Inspection;

/// <summary>What tools show of each type of record.</summary>
public sealed class RecordDecoderTests
{
    private const long Ns = 1_753_797_900_123_456_789; // 2025-07-29T14:05:00.123456789Z

    [Fact]
    public void ShouldKnowEveryType()
    {
        foreach (RecordType type in Enum.GetValues<RecordType>())
        {
            Assert.True(RecordDecoders.Find(type)?.Type == type, $"{type} has no decoder: give it one in RecordDecoders.");
            Assert.True(type is RecordType.Message || Samples.ContainsKey(type), $"{type} has no sample in this test.");
        }
        Assert.Null(RecordDecoders.Find((RecordType)9999));
    }

    [Fact]
    public void ShouldShowTheFieldsOfEveryType()
    {
        JournalNames names = Names();
        foreach ((RecordType type, (byte[] body, uint stream, string fields)) in Samples)
        {
            string line = Show(new JournalRecord(type, stream, 70_000, 3, body), names);
            Assert.Equal($$"""{"position":70000,"segment":1,"type":"{{type}}","epoch":3{{fields}}}""", line);
        }
    }

    [Fact]
    public void ShouldShowAMessage()
    {
        JournalNames names = Names();
        byte[] body = Message([], "héllo"u8.ToArray());
        var record = new JournalRecord(RecordType.Message, 7, 70_000, 3, body) { GroupPosition = 69_000 };
        const string start = """{"position":70000,"segment":1,"type":"Message","epoch":3,"group":69000,"time":"2025-07-29T14:05:00.123456794Z","publisher":"me","publisherSequence":12,"published":"2025-07-29T14:05:00.123456000Z","received":"2025-07-29T14:05:00.123456789Z","exchange":"desk/ticks","routingKey":"a.b","routes":[{"queue":"orders","queueId":7,"sequence":5},{"queueId":99,"scheduleNumber":2,"maybeDelivered":true}],"bodyLength":6""";
        Assert.Equal(start + "}", Show(record, names));
        Assert.Equal(start + ""","payload":"héllo"}""", Show(record, names, payload: true));
    }

    [Fact]
    public void ShouldShowWhatIsNoTextAsBase64()
    {
        string line = Show(new JournalRecord(RecordType.Message, 7, 70_000, 3, Message([], [0xFF, 0xFE])), Names(), payload: true);
        Assert.EndsWith(""","bodyLength":2,"payloadBase64":"//4="}""", line, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldShowHeadersOnlyWhenAsked()
    {
        var properties = new MessageProperties { MessageId = "4711", Priority = 4, Expiration = TimeSpan.FromMilliseconds(10) };
        properties.Table.Add("symbol", "ACME");
        properties.Table.Add("count", -5L);
        properties.Table.Add("flag", true);
        byte[] headers = properties.Headers.ToArray();
        var record = new JournalRecord(RecordType.Message, 7, 70_000, 3, Message(headers, "x"u8.ToArray()));
        Assert.EndsWith($""","headersLength":{headers.Length}""" + "}", Show(record, Names()), StringComparison.Ordinal);
        Assert.EndsWith(
            ""","bodyLength":1,"properties":{"expiration":"10","messageId":"4711","priority":4},"headers":{"symbol":"ACME","count":-5,"flag":true}}""",
            Show(record, Names(), headers: true), StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldShowTheBytesOfATypeThatItDoesNotKnow() =>
        Assert.Equal("""{"position":70000,"segment":1,"type":"9999","epoch":3,"bodyBase64":"AQI="}""", Show(new JournalRecord((RecordType)9999, 0, 70_000, 3, [1, 2]), Names()));

    [Fact]
    public void ShouldSayWhichQueuesARecordIsAbout()
    {
        foreach ((RecordType type, (byte[] body, uint stream, string fields)) in Samples)
        {
            bool isAbout = fields.Contains("\"queue\":\"orders\"", StringComparison.Ordinal);
            Assert.True(isAbout == RecordDecoders.Find(type)!.Concerns(new JournalRecord(type, stream, 70_000, 3, body), [7]), $"{type}");
            Assert.False(RecordDecoders.Find(type)!.Concerns(new JournalRecord(type, stream, 70_000, 3, body), [1234]), $"{type}");
        }
        var message = new JournalRecord(RecordType.Message, 7, 70_000, 3, Message([], []));
        Assert.True(RecordDecoders.Find(RecordType.Message)!.Concerns(message, [99]));
        Assert.False(RecordDecoders.Find(RecordType.Message)!.Concerns(message, [1234]));
    }

    private static Dictionary<RecordType, (byte[] Body, uint Stream, string Fields)> Samples { get; } = new()
    {
        [RecordType.Pad] = ([], 0, ""),
        [RecordType.Ack] = (Range(5, 3), 7, ""","queue":"orders","queueId":7,"sequences":[[5,7]]"""),
        [RecordType.Requeue] = ([.. Range(5, 1), .. Range(9, 2)], 7, ""","queue":"orders","queueId":7,"sequences":[[5,5],[9,10]]"""),
        [RecordType.Delivered] = (
            [.. Control(r => { r.U32(8); r.U32(0); r.I64(11); }), .. Control(r => { r.U32(7); r.U32(1); r.I64(0); }), .. Range(2, 1)], 0,
            ""","queues":[{"queueId":8,"deliveredBefore":11},{"queue":"orders","queueId":7,"sequences":[[2,2]]}]"""),
        [RecordType.DefineQueue] = (
            Control(r => { r.U32(7); r.U32(0); r.I64(100); r.U32(9); r.String("orders"u8); r.Table([]); }), 7,
            ""","queue":"orders","queueId":7,"virtualHost":"/","maxLength":100,"flags":"Durable, AutoDelete" """.TrimEnd()),
        [RecordType.DeleteQueue] = (Control(r => r.U32(7)), 7, ""","queue":"orders","queueId":7"""),
        [RecordType.DefineExchange] = (
            Control(r => { r.U32(30); r.U32(2); r.U32(1); r.U8(3); r.String("ticks"u8); r.Table([]); }), 0,
            ""","exchange":"desk/ticks","exchangeId":30,"virtualHost":"desk","flags":"Durable","kind":"Topic" """.TrimEnd()),
        [RecordType.DeleteExchange] = (Control(r => r.U32(30)), 0, ""","exchange":"desk/ticks" """.TrimEnd()),
        [RecordType.Bind] = (
            Control(r => { r.U32(0); r.U32(30); r.U32(7); r.String("a.*"u8); r.Table([]); }), 7,
            ""","exchange":"desk/ticks","queue":"orders","queueId":7,"key":"a.*" """.TrimEnd()),
        [RecordType.Unbind] = (
            Control(r => { r.U32(1); r.U32(30); r.U32(1); r.String(""u8); r.Table([4, (byte)'s', (byte)'i', (byte)'d', (byte)'e', (byte)'I', 0, 0, 0, 9]); }), 0,
            ""","exchange":"desk/ticks","toExchange":"amq.direct","key":"","arguments":{"side":9}"""),
        [RecordType.DefinePublisher] = (Control(r => { r.U32(4); r.String("me"u8); }), 0, ""","publisherId":4,"publisher":"me" """.TrimEnd()),
        [RecordType.Marker] = (
            Control(r => { r.I64(65_000); r.U32(1); r.U32(1); r.I64(0); r.I64(0); }), 0,
            ""","durablePosition":65000,"oldestSegment":1,"flags":"Clean","bootId":"00000000-0000-0000-0000-000000000000" """.TrimEnd()),
        [RecordType.Restart] = (Control(r => r.U32(1)), 0, ""","endWasLost":true"""),
        [RecordType.SnapshotBegin] = (
            Control(r => { r.U32(1); r.U32(2); r.U32(3); r.U32(4); }), 0, ""","nextVirtualHostId":1,"nextQueueId":2,"nextExchangeId":3,"nextPublisherId":4"""),
        [RecordType.SnapshotQueue] = (
            Control(r => { r.U32(7); r.I64(55); r.I64(6); }), 7, ""","queue":"orders","queueId":7,"nextSequence":55,"nextScheduleNumber":6"""),
        [RecordType.SnapshotPublisher] = (
            Control(r => { r.U32(4); r.U32(1); r.U64(12); r.I64(4096); r.U64(3); r.U64(5); }), 0,
            ""","publisher":"me","publisherId":4,"lastSequence":12,"lastPosition":4096,"neverStored":[[3,5]]"""),
        [RecordType.SnapshotEnd] = ([], 0, ""),
        [RecordType.ForgetPublisher] = (Control(r => r.U32(4)), 0, ""","publisher":"me","publisherId":4"""),
        [RecordType.SnapshotAbort] = ([], 0, ""),
        [RecordType.Group] = ([], 0, ""","records":0"""),
        [RecordType.Drop] = (
            [.. Control(r => { r.I64(Ns); r.U8(2); r.U8(1); }), 0, 0, 0, 0, 0, 0, .. Range(5, 1)], 7,
            ""","time":"2025-07-29T14:05:00.123456789Z","queue":"orders","queueId":7,"reason":"Expired","scheduleNumbers":[[5,5]]"""),
        [RecordType.Due] = (
            Control(r => { r.I64(2); r.I64(6); }), 7, ""","queue":"orders","queueId":7,"due":[{"scheduleNumber":2,"sequence":6}]"""),
        [RecordType.Defer] = (
            [.. Control(r => r.I64(Ns)), .. Range(5, 1)], 7, ""","time":"2025-07-29T14:05:00.123456789Z","queue":"orders","queueId":7,"sequences":[[5,5]]"""),
        [RecordType.DefineVirtualHost] = (
            Control(r => { r.U32(2); r.U32(20); r.String("desk"u8); r.Table([]); }), 0, ""","virtualHostId":2,"firstExchangeId":20,"virtualHost":"desk" """.TrimEnd()),
        [RecordType.Moved] = (
            Moved(), 7,
            ""","published":"2025-07-29T14:05:00.123456000Z","received":"2025-07-29T14:05:00.123456789Z","exchange":"desk/ticks","routingKey":"a.b","routes":[{"queue":"orders","queueId":7,"sequence":5,"unsettled":true,"deliveryCount":3},{"delayedUntil":"1970-01-01T00:00:00.000000002Z"}],"bodyLength":1"""),
        [RecordType.DeleteVirtualHost] = (Control(r => r.U32(2)), 0, ""","virtualHost":"desk","virtualHostId":2"""),
    };

    /// <summary>As the definitions among the samples leave them.</summary>
    private static JournalNames Names()
    {
        var names = new JournalNames();
        foreach (RecordType type in new[] { RecordType.DefineVirtualHost, RecordType.DefineExchange, RecordType.DefineQueue, RecordType.DefinePublisher })
            names.Define(new JournalRecord(type, 0, 0, 1, Samples[type].Body));
        return names;
    }

    private static string Show(JournalRecord record, JournalNames names, bool headers = false, bool payload = false)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        new RecordJson(writer, names, 65_536) { WithHeaders = headers, WithPayload = payload }.Write(record);
        writer.Flush();
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static byte[] Message(byte[] headers, byte[] payload)
    {
        byte[] head = new byte[MessageLayout.Payload(2)];
        MemoryMarshal.Write(head.AsSpan(MessageLayout.PublisherSequence), 12UL);
        MemoryMarshal.Write(head.AsSpan(MessageLayout.PublisherId), 4u);
        MemoryMarshal.Write(head.AsSpan(MessageLayout.RouteCount), (ushort)2);
        MemoryMarshal.Write(head.AsSpan(MessageLayout.PublishedNs), Ns - 789);
        MemoryMarshal.Write(head.AsSpan(MessageLayout.ReceivedNs), Ns);
        MemoryMarshal.Write(head.AsSpan(MessageLayout.JournaledDeltaNs), 5u);
        MemoryMarshal.Write(head.AsSpan(MessageLayout.RoutingKeyLength), (ushort)3);
        MemoryMarshal.Write(head.AsSpan(MessageLayout.HeadersLength), (ushort)headers.Length);
        MemoryMarshal.Write(head.AsSpan(MessageLayout.BodyLength), payload.Length);
        MemoryMarshal.Write(head.AsSpan(MessageLayout.ExchangeId), 30u);
        Span<byte> routes = head.AsSpan(MessageLayout.Routes);
        MemoryMarshal.Write(routes[MessageLayout.RouteQueueSequence..], 5L);
        MemoryMarshal.Write(routes[MessageLayout.RouteQueueId..], 7u);
        routes = routes[MessageLayout.RouteLength..];
        MemoryMarshal.Write(routes[MessageLayout.RouteQueueSequence..], 2L);
        MemoryMarshal.Write(routes[MessageLayout.RouteQueueId..], 99u);
        MemoryMarshal.Write(routes[MessageLayout.RouteFlags..], MessageLayout.ScheduledFlag | MessageLayout.MaybeDeliveredFlag);
        return [.. head, .. "a.b"u8, .. headers, .. payload];
    }

    /// <summary>Delivered and three times returned, and one in its back-off: no message is both, the record does not mind.</summary>
    private static byte[] Moved()
    {
        byte[] body = Message([], "x"u8.ToArray());
        MemoryMarshal.Write(body.AsSpan(MessageLayout.PublisherId), 0u);
        MemoryMarshal.Write(body.AsSpan(MessageLayout.Routes + MessageLayout.RouteFlags), MessageLayout.UnsettledFlag | 3u << MessageLayout.DeliveryCountShift);
        Span<byte> second = body.AsSpan(MessageLayout.Routes + MessageLayout.RouteLength);
        MemoryMarshal.Write(second[MessageLayout.RouteQueueId..], 0u);
        MemoryMarshal.Write(second[MessageLayout.RouteFlags..], MessageLayout.DelayedFlag);
        return body;
    }

    private static byte[] Range(long first, uint count) =>
        MemoryMarshal.AsBytes<SequenceRange>([new SequenceRange { First = first, Count = count }]).ToArray();

    private static byte[] Control(Action<ControlRecord> write)
    {
        var record = new ControlRecord();
        write(record);
        return record.Span.ToArray();
    }
}
