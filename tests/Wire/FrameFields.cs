using System.Globalization;
using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Wire;

/// <summary>Frames as names and values, through the parser and the writer: the form in which vectors and properties compare them.</summary>
internal static unsafe class FrameFields
{
    internal const int MaxBodyLength = 1048576;

    /// <summary>Parses a frame. Null with an error where it is malformed.</summary>
    internal static Dictionary<string, string>? Decode(ReadOnlySpan<byte> frame, out FrameError error)
    {
        error = default;
        switch ((FrameType)frame[4])
        {
            case FrameType.Hello when FrameParser.TryParseHello(frame, out HelloView v, out error):
                return Map(
                    ("version", v.Fields.Version), ("minVersion", v.Fields.MinVersion), ("heartbeatMs", v.Fields.HeartbeatMs),
                    ("clientName", Text(v.ClientName)), ("virtualHost", Text(v.VirtualHost)));
            case FrameType.Welcome when FrameParser.TryParseWelcome(frame, out WelcomeView v, out error):
                return Map(
                    ("heartbeatMs", v.Fields.HeartbeatMs), ("maxFrameLength", v.Fields.MaxFrameLength), ("maxBodyLength", v.Fields.MaxBodyLength),
                    ("maxWindow", v.Fields.MaxWindow), ("maxCreditMessages", v.Fields.MaxCreditMessages), ("epoch", v.Fields.Epoch),
                    ("brokerId", v.Fields.BrokerId), ("product", Text(v.Product)));
            case FrameType.Error or FrameType.Close when FrameParser.TryParseClose(frame, out TextView<CloseFrame> v, out error):
                return Map(("code", v.Fields.Code), ("text", Text(v.Text)));
            case FrameType.Heartbeat:
                return Map();
            case FrameType.Done when FrameParser.TryParseDone(frame, out DoneFrame v, out error):
                return Map(("request", v.Request));
            case FrameType.Failed when FrameParser.TryParseFailed(frame, out TextView<FailedFrame> v, out error):
                return Map(("request", v.Fields.Request), ("code", v.Fields.Code), ("text", Text(v.Text)));
            case FrameType.OpenPublication when FrameParser.TryParseOpenPublication(frame, out OpenPublicationView v, out error):
                Assert.Equal(v.Publisher.Length + v.Exchange.Length + v.RoutingKey.Length + 3, v.Strings.Length);
                return Map(
                    ("request", v.Fields.Request), ("window", v.Fields.Window), ("level", v.Fields.Level), ("flags", v.Fields.Flags),
                    ("publisher", Text(v.Publisher)), ("exchange", Text(v.Exchange)), ("routingKey", Text(v.RoutingKey)));
            case FrameType.PublicationOpened when FrameParser.TryParsePublicationOpened(frame, out PublicationOpenedFrame v, out error):
                return Map(("request", v.Request), ("publication", v.Publication), ("window", v.Window), ("lastSequence", v.LastSequence));
            case FrameType.ClosePublication:
                ClosePublicationFrame close = FrameParser.ParseClosePublication(frame);
                return Map(("request", close.Request), ("publication", close.Publication));
            case FrameType.Publish when FrameParser.TryParsePublish(frame, MaxBodyLength, out PublishView v, out error):
                return Map(
                    ("sequence", v.Fields.Sequence), ("publication", v.Fields.Publication), ("publishedNs", v.Fields.PublishedNs),
                    ("routingKey", Text(v.RoutingKey)), ("headersHex", Hex(v.Headers)), ("bodyHex", Hex(v.Body)));
            case FrameType.Confirm when FrameParser.TryParseConfirm(frame, out ConfirmFrame v, out error):
                return Map(("sequence", v.Sequence), ("publication", v.Publication), ("level", v.Level));
            case FrameType.Rejected when FrameParser.TryParseRejected(frame, out RejectedView v, out error):
                return Map(
                    ("sequence", v.Fields.Sequence), ("publication", v.Fields.Publication), ("code", v.Fields.Code),
                    ("queue", Text(v.Queue)), ("text", Text(v.Text)));
            case FrameType.PublicationReady when FrameParser.TryParsePublicationReady(frame, out PublicationReadyFrame v, out error):
                return Map(("publication", v.Publication));
            case FrameType.PublicationEnded when FrameParser.TryParsePublicationEnded(frame, out TextView<PublicationEndedFrame> v, out error):
                return Map(("publication", v.Fields.Publication), ("code", v.Fields.Code), ("text", Text(v.Text)));
            case FrameType.Subscribe when FrameParser.TryParseSubscribe(frame, out NameView<SubscribeFrame> v, out error):
                return Map(
                    ("request", v.Fields.Request), ("creditMessages", v.Fields.CreditMessages), ("creditBytes", v.Fields.CreditBytes),
                    ("queue", Text(v.Name)));
            case FrameType.Subscribed:
                SubscribedFrame subscribed = FrameParser.ParseSubscribed(frame);
                return Map(("request", subscribed.Request), ("subscription", subscribed.Subscription));
            case FrameType.Unsubscribe:
                UnsubscribeFrame unsubscribe = FrameParser.ParseUnsubscribe(frame);
                return Map(("request", unsubscribe.Request), ("subscription", unsubscribe.Subscription));
            case FrameType.SubscriptionEnded when FrameParser.TryParseSubscriptionEnded(frame, out TextView<SubscriptionEndedFrame> v, out error):
                return Map(("subscription", v.Fields.Subscription), ("code", v.Fields.Code), ("text", Text(v.Text)));
            case FrameType.Credit:
                CreditFrame credit = FrameParser.ParseCredit(frame);
                return Map(("subscription", credit.Subscription), ("messages", credit.Messages), ("bytes", credit.Bytes));
            case FrameType.Deliver when FrameParser.TryParseDeliver(frame, out DeliverView v, out error):
                return Map(
                    ("redelivered", v.Redelivered ? 1 : 0), ("deliveryCount", v.DeliveryCount), ("tag", v.Fields.Tag),
                    ("queueSequence", v.Fields.QueueSequence), ("subscription", v.Fields.Subscription),
                    ("dispatchedDeltaNs", v.Fields.DispatchedDeltaNs), ("publishedNs", v.Fields.PublishedNs),
                    ("receivedNs", v.Fields.ReceivedNs), ("journaledDeltaNs", v.Fields.JournaledDeltaNs),
                    ("routingKey", Text(v.RoutingKey)), ("headersHex", Hex(v.Headers)), ("bodyHex", Hex(v.Body)));
            case FrameType.Settle when FrameParser.TryParseSettle(frame, out SettleFrame v, out error):
                return Map(
                    ("subscription", v.Subscription), ("kind", v.Kind), ("firstTag", v.FirstTag), ("lastTag", v.LastTag),
                    ("creditMessages", v.CreditMessages), ("creditBytes", v.CreditBytes));
            case FrameType.DeclareQueue when FrameParser.TryParseDeclareQueue(frame, out NameView<DeclareQueueFrame> v, out error):
                return Map(("request", v.Fields.Request), ("flags", v.Fields.Flags), ("maxLength", v.Fields.MaxLength), ("queue", Text(v.Name)));
            case FrameType.QueueDeclared:
                QueueDeclaredFrame declared = FrameParser.ParseQueueDeclared(frame);
                return Map(("request", declared.Request), ("consumers", declared.Consumers), ("ready", declared.Ready));
            case FrameType.DeleteQueue when FrameParser.TryParseDelete(frame, out NameView<NamedRequestFrame> v, out error):
                return Map(("request", v.Fields.Request), ("queue", Text(v.Name)));
            case FrameType.DeclareExchange when FrameParser.TryParseDeclareExchange(frame, out NameView<DeclareExchangeFrame> v, out error):
                return Map(("request", v.Fields.Request), ("flags", v.Fields.Flags), ("kind", v.Fields.Kind), ("exchange", Text(v.Name)));
            case FrameType.DeleteExchange when FrameParser.TryParseDelete(frame, out NameView<NamedRequestFrame> v, out error):
                return Map(("request", v.Fields.Request), ("exchange", Text(v.Name)));
            case FrameType.Bind or FrameType.Unbind when FrameParser.TryParseBind(frame, out BindView v, out error):
                Assert.Equal(v.Exchange.Length + v.Queue.Length + v.Key.Length + 3, v.Strings.Length);
                return Map(("request", v.Fields.Request), ("exchange", Text(v.Exchange)), ("queue", Text(v.Queue)), ("key", Text(v.Key)));
            default:
                Assert.False(error.IsNone, $"no parser for type {frame[4]}");
                return null;
        }
    }

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

        switch (type)
        {
            case FrameType.Hello:
                HelloFrame hello = new()
                {
                    Magic = FrameLayout.Magic, Version = U16("version"), MinVersion = U16("minVersion"), HeartbeatMs = U32("heartbeatMs"),
                };
                return FrameWriter.WriteHello(b, hello, S("clientName"), S("virtualHost"));
            case FrameType.Welcome:
                WelcomeFrame welcome = new()
                {
                    HeartbeatMs = U32("heartbeatMs"), MaxFrameLength = U32("maxFrameLength"), MaxBodyLength = U32("maxBodyLength"),
                    MaxWindow = U32("maxWindow"), MaxCreditMessages = U32("maxCreditMessages"), Epoch = U32("epoch"), BrokerId = U64("brokerId"),
                };
                return FrameWriter.WriteWelcome(b, welcome, S("product"));
            case FrameType.Error: return FrameWriter.WriteError(b, Code(), f["text"]);
            case FrameType.Close: return FrameWriter.WriteClose(b, Code(), f["text"]);
            case FrameType.Heartbeat: return FrameWriter.WriteHeartbeat(b);
            case FrameType.Done: return FrameWriter.WriteDone(b, U32("request"));
            case FrameType.Failed: return FrameWriter.WriteFailed(b, U32("request"), Code(), f["text"]);
            case FrameType.OpenPublication:
                return FrameWriter.WriteOpenPublication(
                    b, U32("request"), U32("window"), (DurabilityLevel)U8("level"), (PublicationFlags)U8("flags"),
                    S("publisher"), S("exchange"), S("routingKey"));
            case FrameType.PublicationOpened:
                return FrameWriter.WritePublicationOpened(b, U32("request"), U32("publication"), U32("window"), U64("lastSequence"));
            case FrameType.ClosePublication: return FrameWriter.WriteClosePublication(b, U32("request"), U32("publication"));
            case FrameType.Publish when f["routingKey"].Length == 0 && f["headersHex"].Length == 0:
                return FrameWriter.WritePublish(b, U32("publication"), U64("sequence"), I64("publishedNs"), Bytes("bodyHex"));
            case FrameType.Publish:
                return FrameWriter.WritePublish(
                    b, U32("publication"), U64("sequence"), I64("publishedNs"), S("routingKey"), Bytes("headersHex"), Bytes("bodyHex"));
            case FrameType.Confirm: return FrameWriter.WriteConfirm(b, U32("publication"), U64("sequence"), (DurabilityLevel)U8("level"));
            case FrameType.Rejected:
                byte[] queueAndText = [(byte)S("queue").Length, .. S("queue"), .. EncodedText("text")];
                return FrameWriter.WriteRejectedEncoded(b, U32("publication"), U64("sequence"), Code(), queueAndText);
            case FrameType.PublicationReady: return FrameWriter.WritePublicationReady(b, U32("publication"));
            case FrameType.PublicationEnded:
                return FrameWriter.WritePublicationEndedEncoded(b, U32("publication"), Code(), EncodedText("text"));
            case FrameType.Subscribe:
                return FrameWriter.WriteSubscribe(b, U32("request"), U32("creditMessages"), U64("creditBytes"), S("queue"));
            case FrameType.Subscribed: return FrameWriter.WriteSubscribed(b, U32("request"), U32("subscription"));
            case FrameType.Unsubscribe: return FrameWriter.WriteUnsubscribe(b, U32("request"), U32("subscription"));
            case FrameType.SubscriptionEnded:
                return FrameWriter.WriteSubscriptionEndedEncoded(b, U32("subscription"), Code(), EncodedText("text"));
            case FrameType.Credit: return FrameWriter.WriteCredit(b, U32("subscription"), U32("messages"), U64("bytes"));
            case FrameType.Deliver:
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
                    return FrameWriter.WriteDeliver(
                        b, U32("subscription"), U64("tag"), U64("queueSequence"), U8("redelivered") != 0, U16("deliveryCount"),
                        U32("dispatchedDeltaNs"), start, payload);
                }

            case FrameType.Settle:
                return FrameWriter.WriteSettle(
                    b, U32("subscription"), (SettleKind)U8("kind"), U64("firstTag"), U64("lastTag"), U32("creditMessages"), U64("creditBytes"));
            case FrameType.DeclareQueue:
                return FrameWriter.WriteDeclareQueue(b, U32("request"), (QueueFlags)U8("flags"), U64("maxLength"), S("queue"));
            case FrameType.QueueDeclared: return FrameWriter.WriteQueueDeclared(b, U32("request"), U32("consumers"), U64("ready"));
            case FrameType.DeleteQueue: return FrameWriter.WriteDeleteQueue(b, U32("request"), S("queue"));
            case FrameType.DeclareExchange:
                return FrameWriter.WriteDeclareExchange(b, U32("request"), U8("flags") != 0, (ExchangeKind)U8("kind"), S("exchange"));
            case FrameType.DeleteExchange: return FrameWriter.WriteDeleteExchange(b, U32("request"), S("exchange"));
            case FrameType.Bind: return FrameWriter.WriteBind(b, U32("request"), S("exchange"), S("queue"), S("key"));
            case FrameType.Unbind: return FrameWriter.WriteUnbind(b, U32("request"), S("exchange"), S("queue"), S("key"));
            default: throw new ArgumentOutOfRangeException(nameof(type), type, "no writer");
        }
    }

    private static Dictionary<string, string> Map(params (string Name, object Value)[] fields) =>
        fields.ToDictionary(field => field.Name, field => Convert.ToString(field.Value, CultureInfo.InvariantCulture)!);

    private static string Text(ReadOnlySpan<byte> value) => Encoding.UTF8.GetString(value);

    private static string Hex(ReadOnlySpan<byte> value) => Convert.ToHexStringLower(value);
}
