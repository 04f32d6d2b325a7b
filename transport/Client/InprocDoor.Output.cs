using LowLatency.Core.Engine;
using LowLatency.Transport.Server;

namespace LowLatency.Client;

/// <content>Requests and settlements as commands.</content>
internal sealed partial class InprocDoor
{
    private const int MaxStrings = 3 * (1 + byte.MaxValue);

    internal override bool TrySend(Request request)
    {
        bool sent = Write(request);
        HasWritten |= sent;
        return sent;
    }

    internal override bool TrySend(uint subscription, in Settlement settlement, uint creditMessages, ulong creditBytes)
    {
        bool sent = TryWrite(CommandType.Settle, new SettleCommand
        {
            Session = Link!.Session,
            Subscription = subscription,
            FirstTag = settlement.First,
            LastTag = settlement.Last,
            Kind = (byte)settlement.Kind,
            CreditMessages = creditMessages,
            CreditBytes = creditBytes,
        });
        HasWritten |= sent;
        return sent;
    }

    private bool Write(Request request)
    {
        int session = Link!.Session;
        uint id = request.Id;
        switch (request.Kind)
        {
            case RequestKind.DeclareQueue:
                return TryWriteWithTable(
                    CommandType.DeclareQueue,
                    new RequestCommand { Session = session, Request = id, Flags = (uint)request.QueueFlags }, MaxLengthTable(request.MaxLength), request.Name);
            case RequestKind.DeleteQueue:
                return TryWrite(CommandType.DeleteQueue, new RequestCommand { Session = session, Request = id }, request.Name);
            case RequestKind.DeclareExchange:
                return TryWriteWithTable(
                    CommandType.DeclareExchange,
                    new DeclareExchangeCommand
                    {
                        Session = session, Request = id, Flags = request.IsDurableExchange ? (byte)1 : (byte)0, Kind = (byte)ExchangeKind.Direct,
                    },
                    NoTable,
                    request.Name);
            case RequestKind.DeleteExchange:
                return TryWrite(CommandType.DeleteExchange, new RequestCommand { Session = session, Request = id }, request.Name);
            case RequestKind.Bind or RequestKind.Unbind:
                return TryWriteWithTable(
                    request.Kind == RequestKind.Bind ? CommandType.Bind : CommandType.Unbind, new RequestCommand { Session = session, Request = id }, NoTable,
                    request.Name, request.Queue, request.Key);
            case RequestKind.OpenPublication:
                return WriteOpen(request.Publication!, session, id);
            case RequestKind.ClosePublication:
                return TryWrite(
                    CommandType.ClosePublication,
                    new ClosePublicationCommand { Session = session, Request = id, Publication = request.TargetHandle });
            case RequestKind.Subscribe:
                return WriteSubscribe(request.Subscription!, session, id);
            default:
                return TryWrite(
                    CommandType.Unsubscribe, new UnsubscribeCommand { Session = session, Request = id, Subscription = request.TargetHandle });
        }
    }

    private bool WriteOpen(Publication publication, int session, uint id) => TryWrite(
        CommandType.OpenPublication,
        new OpenPublicationCommand
        {
            Session = session,
            Request = id,
            Window = publication.WantedWindow,
            Level = (byte)publication.Durability,
            Flags = (byte)publication.Flags,
        },
        publication.PublisherUtf8, publication.ExchangeUtf8, publication.RoutingKeyUtf8);

    private bool WriteSubscribe(Subscription subscription, int session, uint id)
    {
        Agent.FitCredit(subscription);
        return TryWrite(
            CommandType.Subscribe,
            new SubscribeCommand
            {
                Session = session, Request = id, CreditMessages = subscription.FirstCredit, CreditBytes = subscription.FirstCreditBytes,
            },
            subscription.QueueUtf8, Array.Empty<byte>());
    }

    private static readonly byte[] NoTable = new byte[2];

    private static byte[] MaxLengthTable(ulong maxLength)
    {
        var table = new Core.Messages.FieldTableWriter();
        if (maxLength != 0)
            table.Add("x-max-length", (long)Math.Min(maxLength, long.MaxValue));
        return [(byte)table.Entries.Length, 0, .. table.Entries];
    }

    private bool TryWriteWithTable<TCommand>(CommandType type, in TCommand command, byte[] table, params ReadOnlySpan<byte[]> strings)
        where TCommand : unmanaged
    {
        byte[] encoded = table;
        for (int i = strings.Length - 1; i >= 0; i--)
            encoded = [(byte)strings[i].Length, .. strings[i], .. encoded];
        return CommandWriter.TryWrite(Link!.Core.Ingress, type, in command, encoded);
    }

    private bool TryWrite<TCommand>(CommandType type, in TCommand command)
        where TCommand : unmanaged => CommandWriter.TryWrite(Link!.Core.Ingress, type, in command, default);

    private bool TryWrite<TCommand>(CommandType type, in TCommand command, params ReadOnlySpan<byte[]> strings)
        where TCommand : unmanaged
    {
        Span<byte> encoded = stackalloc byte[MaxStrings];
        int length = 0;
        foreach (byte[] text in strings)
        {
            encoded[length++] = (byte)text.Length;
            text.CopyTo(encoded[length..]);
            length += text.Length;
        }

        return CommandWriter.TryWrite(Link!.Core.Ingress, type, in command, encoded[..length]);
    }
}
