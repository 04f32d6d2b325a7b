using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Wire;

/// <summary>Frames as names and values, through the parser and the writer: the form in which vectors and properties compare them.</summary>
internal static unsafe class FrameFields
{
    internal const int MaxBodyLength = 1048576;

    // Requests and answers, as docs/protocol.md lists their fields: name, offset and bytes; then what follows. s string, t table, x text.
    private static readonly Dictionary<FrameType, string> Layouts = new()
    {
        [FrameType.Error] = "code@8:2 text:x",
        [FrameType.Close] = "code@8:2 text:x",
        [FrameType.Done] = "request@8:4 count@16:8",
        [FrameType.Failed] = "request@8:4 code@12:2 text:x",
        [FrameType.OpenPublication] = "request@8:4 window@12:4 level@16:1 flags@17:1 publisher:s exchange:s routingKey:s",
        [FrameType.PublicationOpened] = "request@8:4 publication@12:4 window@16:4 lastSequence@24:8",
        [FrameType.ClosePublication] = "request@8:4 publication@12:4",
        [FrameType.Rejected] = "sequence@8:8 publication@16:4 code@20:2 queue:s text:x",
        [FrameType.PublicationReady] = "publication@8:4",
        [FrameType.PublicationEnded] = "publication@8:4 code@12:2 text:x",
        [FrameType.PublicationBlocked] = "publication@8:4 code@12:2 sinceNs@16:-8 queue:s text:x",
        [FrameType.PublicationUnblocked] = "publication@8:4 lastedNs@16:-8",
        [FrameType.CommitTransaction] = "request@8:4",
        [FrameType.RollbackTransaction] = "request@8:4",
        [FrameType.Subscribe] = "request@8:4 creditMessages@12:4 creditBytes@16:8 maxUnacked@24:4 priority@28:-4 flags@32:4 queue:s conflationKey:s",
        [FrameType.Subscribed] = "request@8:4 subscription@12:4 queue:s",
        [FrameType.Unsubscribe] = "request@8:4 subscription@12:4 flags@16:4",
        [FrameType.SubscriptionEnded] = "subscription@8:4 code@12:2 text:x",
        [FrameType.Get] = "request@8:4 subscription@12:4 maxMessages@16:4 waitMs@20:4 maxBytes@24:8",
        [FrameType.SubscriptionActive] = "subscription@8:4 active@12:4",
        [FrameType.Recover] = "request@8:4",
        [FrameType.SetMaxUnacked] = "request@8:4 limit@12:4",
        [FrameType.DeclareQueue] = "request@8:4 flags@12:4 queue:s argumentsHex:t",
        [FrameType.QueueDeclared] = "request@8:4 consumers@12:4 ready@16:8 queue:s",
        [FrameType.DeleteQueue] = "request@8:4 flags@12:4 queue:s",
        [FrameType.PurgeQueue] = "request@8:4 queue:s",
        [FrameType.DeclareExchange] = "request@8:4 flags@12:2 kind@14:1 exchange:s argumentsHex:t",
        [FrameType.DeleteExchange] = "request@8:4 flags@12:4 exchange:s",
        [FrameType.Bind] = "request@8:4 flags@12:4 source:s destination:s key:s argumentsHex:t",
        [FrameType.Unbind] = "request@8:4 flags@12:4 source:s destination:s key:s argumentsHex:t",
        [FrameType.DeclareVirtualHost] = "request@8:4 flags@12:4 virtualHost:s argumentsHex:t",
        [FrameType.DeleteVirtualHost] = "request@8:4 virtualHost:s",
    };

    /// <summary>Parses a frame. Null with an error where it is malformed.</summary>
    internal static Dictionary<string, string>? Decode(ReadOnlySpan<byte> frame, out FrameError error)
    {
        error = default;
        switch ((FrameType)frame[4])
        {
            case FrameType.Heartbeat:
                return Map();
            case FrameType.Batch:
                return FrameParser.TryParseBatch(frame, out int originalLength, out error)
                    ? Map(("originalLength", originalLength), ("blockHex", Hex(frame[FrameLayout.BatchBlock..])))
                    : null;
            case FrameType.Publish when FrameParser.TryParsePublish(frame, MaxBodyLength, out PublishView v, out error):
                return Map(
                    ("sequence", v.Fields.Sequence), ("publication", v.Fields.Publication), ("flags", v.Fields.Flags),
                    ("publishedNs", v.Fields.PublishedNs), ("routingKey", Text(v.RoutingKey)), ("headersHex", Hex(v.Headers)), ("bodyHex", Hex(v.Body)));
            case FrameType.Confirm when FrameParser.TryParseConfirm(frame, out ConfirmFrame v, out error):
                return Map(("sequence", v.Sequence), ("publication", v.Publication), ("level", v.Level));
            case FrameType.Credit:
                CreditFrame credit = FrameParser.ParseCredit(frame);
                return Map(("subscription", credit.Subscription), ("messages", credit.Messages), ("bytes", credit.Bytes));
            case FrameType.Deliver when FrameParser.TryParseDeliver(frame, out DeliverView v, out error):
                return Map(Delivered(v));
            case FrameType.DeliverConflated when FrameParser.TryParseDeliverConflated(frame, out DeliverView v, out error):
                DeliverConflatedFrame conflated = MemoryMarshal.Read<DeliverConflatedFrame>(frame);
                return Map([.. Delivered(v), ("firstSequence", conflated.FirstSequence), ("elided", conflated.Elided)]);
            case FrameType.Settle when FrameParser.TryParseSettle(frame, out SettleFrame v, out error):
                return Map(
                    ("subscription", v.Subscription), ("kind", v.Kind), ("flags", v.Flags), ("firstTag", v.FirstTag), ("lastTag", v.LastTag),
                    ("creditMessages", v.CreditMessages), ("creditBytes", v.CreditBytes));
            case FrameType.Publish or FrameType.Confirm or FrameType.Deliver or FrameType.DeliverConflated or FrameType.Settle:
                return null;
            default:
                return FrameParser.TryCheck(frame, out error) ? DecodeChecked(frame) : null;
        }
    }

    private static Dictionary<string, string> DecodeChecked(ReadOnlySpan<byte> frame)
    {
        FrameParts parts;
        switch ((FrameType)frame[4])
        {
            case FrameType.Hello:
                HelloFrame hello = MemoryMarshal.Read<HelloFrame>(frame);
                parts = new FrameParts(frame[sizeof(HelloFrame)..]);
                return Map(
                    ("version", hello.Version), ("minVersion", hello.MinVersion), ("flags", hello.Flags), ("heartbeatMs", hello.HeartbeatMs),
                    ("clientName", Text(parts.String())), ("virtualHost", Text(parts.String())));
            case FrameType.Welcome:
                WelcomeFrame welcome = MemoryMarshal.Read<WelcomeFrame>(frame);
                parts = new FrameParts(frame[sizeof(WelcomeFrame)..]);
                return Map(
                    ("flags", welcome.Flags), ("heartbeatMs", welcome.HeartbeatMs), ("maxFrameLength", welcome.MaxFrameLength), ("maxBodyLength", welcome.MaxBodyLength),
                    ("maxWindow", welcome.MaxWindow), ("maxCreditMessages", welcome.MaxCreditMessages), ("epoch", welcome.Epoch),
                    ("brokerId", welcome.BrokerId), ("product", Text(parts.String())));
        }

        Dictionary<string, string> fields = [];
        parts = new FrameParts(frame[FrameShape.Of((FrameType)frame[4])!.FixedLength..]);
        foreach ((string name, int offset, int size, char part) in LayoutOf((FrameType)frame[4]))
        {
            fields[name] = (part, size) switch
            {
                ('s', _) => Text(parts.String()),
                ('x', _) => Text(parts.Long()),
                ('t', _) => Hex(parts.Long()),
                (_, 1) => frame[offset].ToString(CultureInfo.InvariantCulture),
                (_, 2) => BitConverter.ToUInt16(frame[offset..]).ToString(CultureInfo.InvariantCulture),
                (_, 4) => BitConverter.ToUInt32(frame[offset..]).ToString(CultureInfo.InvariantCulture),
                (_, -4) => BitConverter.ToInt32(frame[offset..]).ToString(CultureInfo.InvariantCulture),
                _ => BitConverter.ToUInt64(frame[offset..]).ToString(CultureInfo.InvariantCulture),
            };
        }

        return fields;
    }

    private static IEnumerable<(string Name, int Offset, int Size, char Part)> LayoutOf(FrameType type)
    {
        foreach (string field in Layouts[type].Split(' '))
        {
            string[] sides = field.Split('@', ':');
            yield return sides.Length == 2
                ? (sides[0], 0, 0, sides[1][0])
                : (sides[0], int.Parse(sides[1], CultureInfo.InvariantCulture), int.Parse(sides[2], CultureInfo.InvariantCulture), ' ');
        }
    }

    private static (string, object)[] Delivered(in DeliverView v) =>
    [
        ("redelivered", v.Redelivered ? 1 : 0), ("deliveryCount", v.DeliveryCount), ("tag", v.Fields.Tag),
        ("queueSequence", v.Fields.QueueSequence), ("subscription", v.Fields.Subscription),
        ("dispatchedDeltaNs", v.Fields.DispatchedDeltaNs), ("publishedNs", v.Fields.PublishedNs),
        ("receivedNs", v.Fields.ReceivedNs), ("journaledDeltaNs", v.Fields.JournaledDeltaNs),
        ("routingKey", Text(v.RoutingKey)), ("headersHex", Hex(v.Headers)), ("bodyHex", Hex(v.Body)),
    ];

    /// <summary>Writes a frame, padding included.</summary>
    internal static byte[] Encode(FrameType type, IReadOnlyDictionary<string, string> fields)
    {
        byte[] buffer = new byte[4096 + fields.Values.Sum(value => value.Length * 3)];
        // Whatever was there before must not show in the frame.
        Array.Fill(buffer, (byte)0xA5);
        int length = Write(buffer, type, fields);
        Assert.True(buffer.AsSpan(length).IndexOfAnyExcept((byte)0xA5) < 0, $"{type} wrote past its end");
        return buffer[..length];
    }

    private static int Write(byte[] b, FrameType type, IReadOnlyDictionary<string, string> f)
    {
        byte U8(string name) => byte.Parse(f[name], CultureInfo.InvariantCulture);
        ushort U16(string name) => ushort.Parse(f[name], CultureInfo.InvariantCulture);
        uint U32(string name) => uint.Parse(f[name], CultureInfo.InvariantCulture);
        ulong U64(string name) => ulong.Parse(f[name], CultureInfo.InvariantCulture);
        long I64(string name) => long.Parse(f[name], CultureInfo.InvariantCulture);
        byte[] S(string name) => Encoding.UTF8.GetBytes(f[name]);
        byte[] Bytes(string name) => Convert.FromHexString(f[name]);
        byte[] EncodedText(string name) => [.. BitConverter.GetBytes((ushort)S(name).Length), .. S(name)];
        ErrorCode Code() => (ErrorCode)U16("code");
        DeliverConflatedEvent Conflated() => new()
        {
            Deliver = new DeliverEvent
            {
                Subscription = U32("subscription"), Tag = U64("tag"), QueueSequence = U64("queueSequence"),
                Flags = U16("redelivered"), DeliveryCount = U16("deliveryCount"),
            },
            FirstSequence = U64("firstSequence"),
            Elided = U64("elided"),
        };

        switch (type)
        {
            case FrameType.Hello:
                HelloFrame hello = new()
                {
                    Magic = FrameLayout.Magic, Version = U16("version"), MinVersion = U16("minVersion"), HeartbeatMs = U32("heartbeatMs"),
                    Flags = U32("flags"),
                };
                return FrameWriter.WriteHello(b, hello, S("clientName"), S("virtualHost"));
            case FrameType.Welcome:
                WelcomeFrame welcome = new()
                {
                    Flags = U16("flags"), HeartbeatMs = U32("heartbeatMs"), MaxFrameLength = U32("maxFrameLength"), MaxBodyLength = U32("maxBodyLength"),
                    MaxWindow = U32("maxWindow"), MaxCreditMessages = U32("maxCreditMessages"), Epoch = U32("epoch"), BrokerId = U64("brokerId"),
                };
                return FrameWriter.WriteWelcome(b, welcome, S("product"));
            case FrameType.Error: return FrameWriter.WriteError(b, Code(), f["text"]);
            case FrameType.Close: return FrameWriter.WriteClose(b, Code(), f["text"]);
            case FrameType.Heartbeat: return FrameWriter.WriteHeartbeat(b);
            case FrameType.Batch: return FrameWriter.WriteBatch(b, int.Parse(f["originalLength"], CultureInfo.InvariantCulture), Bytes("blockHex"));
            case FrameType.Failed: return FrameWriter.WriteFailed(b, U32("request"), Code(), f["text"]);
            case FrameType.Publish when f["routingKey"].Length == 0 && f["headersHex"].Length == 0 && f["flags"] == "0":
                return FrameWriter.WritePublish(b, U32("publication"), U64("sequence"), I64("publishedNs"), Bytes("bodyHex"));
            case FrameType.Publish:
                return FrameWriter.WritePublish(
                    b, U32("publication"), U64("sequence"), I64("publishedNs"), S("routingKey"), Bytes("headersHex"), Bytes("bodyHex"),
                    (PublishFlags)U8("flags"));
            case FrameType.Confirm: return FrameWriter.WriteConfirm(b, U32("publication"), U64("sequence"), (DurabilityLevel)U8("level"));
            case FrameType.Rejected:
                byte[] queueAndText = [(byte)S("queue").Length, .. S("queue"), .. EncodedText("text")];
                return FrameWriter.WriteRejectedEncoded(b, U32("publication"), U64("sequence"), Code(), queueAndText);
            case FrameType.PublicationReady: return FrameWriter.WritePublicationReady(b, U32("publication"));
            case FrameType.PublicationEnded:
                return FrameWriter.WritePublicationEndedEncoded(b, U32("publication"), Code(), EncodedText("text"));
            case FrameType.SubscriptionEnded:
                return FrameWriter.WriteSubscriptionEndedEncoded(b, U32("subscription"), Code(), EncodedText("text"));
            case FrameType.Credit: return FrameWriter.WriteCredit(b, U32("subscription"), U32("messages"), U64("bytes"));
            case FrameType.Deliver or FrameType.DeliverConflated:
                byte[] key = S("routingKey");
                byte[] payload = [.. key, .. Bytes("headersHex"), .. Bytes("bodyHex")];
                // The block as it is in the record of a message.
                byte[] block =
                [
                    .. BitConverter.GetBytes(I64("publishedNs")), .. BitConverter.GetBytes(I64("receivedNs")),
                    .. BitConverter.GetBytes(U32("journaledDeltaNs")), .. BitConverter.GetBytes((ushort)key.Length),
                    .. BitConverter.GetBytes((ushort)Bytes("headersHex").Length),
                ];
                fixed (byte* start = block)
                {
                    if (type == FrameType.DeliverConflated)
                        return FrameWriter.WriteDeliverConflated(b, Conflated(), U32("dispatchedDeltaNs"), start, payload);
                    return FrameWriter.WriteDeliver(
                        b, U32("subscription"), U64("tag"), U64("queueSequence"), U8("redelivered") != 0, U16("deliveryCount"),
                        U32("dispatchedDeltaNs"), start, payload);
                }

            case FrameType.Settle:
                return FrameWriter.WriteSettle(
                    b, U32("subscription"), (SettleKind)U8("kind"), U64("firstTag"), U64("lastTag"), U32("creditMessages"), U64("creditBytes"),
                    (SettleFlags)U8("flags"));
            default: return FrameWriter.WriteBehindHeader(b, type, BehindHeader(type, f));
        }
    }

    // By the layout, not by the structs that the code has.
    private static byte[] BehindHeader(FrameType type, IReadOnlyDictionary<string, string> f)
    {
        var layout = LayoutOf(type).ToList();
        byte[] fixedPart = new byte[FrameShape.Of(type)!.FixedLength];
        List<byte> parts = [];
        foreach ((string name, int offset, int size, char part) in layout)
        {
            byte[] value = part == 't' ? Convert.FromHexString(f[name])
                : part != ' ' ? Encoding.UTF8.GetBytes(f[name])
                : BitConverter.GetBytes(size < 0 ? (ulong)long.Parse(f[name], CultureInfo.InvariantCulture) : ulong.Parse(f[name], CultureInfo.InvariantCulture));
            if (part == 's')
                parts.Add((byte)value.Length);
            else if (part != ' ')
                parts.AddRange(BitConverter.GetBytes((ushort)value.Length));
            if (part == ' ')
                value.AsSpan(0, Math.Abs(size)).CopyTo(fixedPart.AsSpan(offset));
            else
                parts.AddRange(value);
        }

        return [.. fixedPart.AsSpan(FrameLayout.HeaderLength), .. parts];
    }

    private static Dictionary<string, string> Map(params (string Name, object Value)[] fields) =>
        fields.ToDictionary(field => field.Name, field => Convert.ToString(field.Value, CultureInfo.InvariantCulture)!);

    private static string Text(ReadOnlySpan<byte> value) => Encoding.UTF8.GetString(value);

    private static string Hex(ReadOnlySpan<byte> value) => Convert.ToHexStringLower(value);
}
