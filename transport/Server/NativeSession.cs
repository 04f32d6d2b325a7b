using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <summary>The native protocol on the server's side: takes the frames of one connection and turns them into commands.</summary>
/// <remarks>A frame that finds the ingress ring full is not taken and will be offered again. The transport agent's thread; lives during one receive.</remarks>
internal readonly unsafe ref struct NativeSession : IFrameSink
{
    /// <summary>Shortest heartbeat interval that is agreed to, in milliseconds: the agent looks at its timers about every 25 ms.</summary>
    internal const int MinHeartbeatMs = 200;

    private const long NsPerMs = 1_000_000;

    private readonly TransportAgent _agent;
    private readonly ServerConnection _connection;
    private readonly long _receivedNs;

    /// <param name="agent">Of this thread.</param>
    /// <param name="connection">Whose frames they are.</param>
    /// <param name="receivedNs">Unix time in nanoseconds at which they arrived.</param>
    internal NativeSession(TransportAgent agent, ServerConnection connection, long receivedNs)
    {
        _agent = agent;
        _connection = connection;
        _receivedNs = receivedNs;
    }

    public bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
    {
        if (_connection.State != ConnectionState.Open)
            return _connection.State == ConnectionState.Opening && OnHello(type, frame);
        return type switch
        {
            FrameType.Publish => OnPublish(frame),
            FrameType.Settle => OnSettle(frame),
            FrameType.Credit => OnCredit(frame),
            FrameType.Heartbeat => true,
            _ => OnControl(type, frame),
        };
    }

    private bool OnPublish(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParsePublish(frame, _agent.Limits.MaxBodyLength, out PublishView view, out FrameError error))
            return Refuse(error);
        PublishCommand command = new()
        {
            Session = _connection.Session,
            Publication = view.Fields.Publication,
            Sequence = view.Fields.Sequence,
            PublishedNs = view.Fields.PublishedNs,
            ReceivedNs = _receivedNs,
            BodyLength = view.BodyLength,
            RoutingKeyLength = (byte)view.Fields.RoutingKeyLength,
            HeadersLength = view.Fields.HeadersLength,
        };
        return _agent.TryCommand(CommandType.Publish, command, view.Payload);
    }

    private bool OnSettle(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseSettle(frame, out SettleFrame fields, out FrameError error))
            return Refuse(error);
        SettleCommand command = new()
        {
            Session = _connection.Session,
            Subscription = fields.Subscription,
            FirstTag = fields.FirstTag,
            LastTag = fields.LastTag,
            Kind = fields.Kind,
            CreditMessages = fields.CreditMessages,
            CreditBytes = fields.CreditBytes,
        };
        return _agent.TryCommand(CommandType.Settle, command);
    }

    private bool OnCredit(scoped ReadOnlySpan<byte> frame)
    {
        CreditFrame fields = FrameParser.ParseCredit(frame);
        CreditCommand command = new()
        {
            Session = _connection.Session,
            Subscription = fields.Subscription,
            Messages = fields.Messages,
            Bytes = fields.Bytes,
        };
        return _agent.TryCommand(CommandType.Credit, command);
    }

    private bool OnControl(FrameType type, scoped ReadOnlySpan<byte> frame) => type switch
    {
        FrameType.OpenPublication => OnOpenPublication(frame),
        FrameType.ClosePublication => OnClosePublication(frame),
        FrameType.Subscribe => OnSubscribe(frame),
        FrameType.Unsubscribe => OnUnsubscribe(frame),
        FrameType.DeclareQueue => OnDeclareQueue(frame),
        FrameType.DeleteQueue => OnDelete(CommandType.DeleteQueue, frame),
        FrameType.DeclareExchange => OnDeclareExchange(frame),
        FrameType.DeleteExchange => OnDelete(CommandType.DeleteExchange, frame),
        FrameType.Bind => OnBind(CommandType.Bind, frame),
        FrameType.Unbind => OnBind(CommandType.Unbind, frame),
        FrameType.Close => OnClose(frame),
        _ => Fail(ErrorCode.UnexpectedFrame, $"{type} on a connection that is open: it comes once, first."),
    };

    private bool OnOpenPublication(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseOpenPublication(frame, out OpenPublicationView view, out FrameError error))
            return Refuse(error);
        OpenPublicationCommand command = new()
        {
            Session = _connection.Session,
            Request = view.Fields.Request,
            Window = view.Fields.Window,
            Level = view.Fields.Level,
            Flags = view.Fields.Flags,
        };
        return _agent.TryCommand(CommandType.OpenPublication, command, view.Strings);
    }

    private bool OnClosePublication(scoped ReadOnlySpan<byte> frame)
    {
        ClosePublicationFrame fields = FrameParser.ParseClosePublication(frame);
        ClosePublicationCommand command = new()
        {
            Session = _connection.Session,
            Request = fields.Request,
            Publication = fields.Publication,
        };
        return _agent.TryCommand(CommandType.ClosePublication, command);
    }

    private bool OnSubscribe(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseSubscribe(frame, out NameView<SubscribeFrame> view, out FrameError error))
            return Refuse(error);
        SubscribeCommand command = new()
        {
            Session = _connection.Session,
            Request = view.Fields.Request,
            CreditMessages = view.Fields.CreditMessages,
            CreditBytes = view.Fields.CreditBytes,
        };
        return _agent.TryCommand(CommandType.Subscribe, command, [.. view.Strings, 0]);
    }

    private bool OnUnsubscribe(scoped ReadOnlySpan<byte> frame)
    {
        UnsubscribeFrame fields = FrameParser.ParseUnsubscribe(frame);
        UnsubscribeCommand command = new()
        {
            Session = _connection.Session,
            Request = fields.Request,
            Subscription = fields.Subscription,
        };
        return _agent.TryCommand(CommandType.Unsubscribe, command);
    }

    private bool OnDeclareQueue(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseDeclareQueue(frame, out NameView<DeclareQueueFrame> view, out FrameError error))
            return Refuse(error);
        RequestCommand command = new() { Session = _connection.Session, Request = view.Fields.Request, Flags = view.Fields.Flags };
        var table = new Core.Messages.FieldTableWriter();
        if (view.Fields.MaxLength != 0)
            table.Add("x-max-length", (long)Math.Min(view.Fields.MaxLength, long.MaxValue));
        return _agent.TryCommand(CommandType.DeclareQueue, command, [.. view.Strings, (byte)table.Entries.Length, 0, .. table.Entries]);
    }

    private bool OnDeclareExchange(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseDeclareExchange(frame, out NameView<DeclareExchangeFrame> view, out FrameError error))
            return Refuse(error);
        DeclareExchangeCommand command = new()
        {
            Session = _connection.Session,
            Request = view.Fields.Request,
            Flags = view.Fields.Flags,
            Kind = view.Fields.Kind,
        };
        return _agent.TryCommand(CommandType.DeclareExchange, command, [.. view.Strings, 0, 0]);
    }

    // Both delete commands have one layout.
    private bool OnDelete(CommandType type, scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseDelete(frame, out NameView<NamedRequestFrame> view, out FrameError error))
            return Refuse(error);
        RequestCommand command = new() { Session = _connection.Session, Request = view.Fields.Request };
        return _agent.TryCommand(type, command, view.Strings);
    }

    private bool OnBind(CommandType type, scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseBind(frame, out BindView view, out FrameError error))
            return Refuse(error);
        RequestCommand command = new() { Session = _connection.Session, Request = view.Fields.Request };
        return _agent.TryCommand(type, command, [.. view.Strings, 0, 0]);
    }

    // What was sent before is carried out first: the answer comes when the engine has closed the session.
    private bool OnClose(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseClose(frame, out _, out FrameError error))
            return Refuse(error);
        if (!_agent.TryCommand(CommandType.CloseSession, new CloseSessionCommand { Session = _connection.Session }))
            return false;
        _agent.Leave(_connection);
        return true;
    }

    // The receive buffer lets nothing but a Hello be the first frame.
    private bool OnHello(FrameType type, scoped ReadOnlySpan<byte> frame)
    {
        FrameError error = new(FrameFault.UnexpectedFirstFrame, type);
        if (type != FrameType.Hello || !FrameParser.TryParseHello(frame, out HelloView view, out error))
            return Refuse(error);
        HelloFrame hello = view.Fields;
        if (hello.MinVersion > FrameLayout.Version || hello.Version < FrameLayout.Version)
        {
            return Fail(
                ErrorCode.UnsupportedVersion,
                $"The client speaks protocol versions {hello.MinVersion} to {hello.Version}, this broker {FrameLayout.Version}: use a client of a matching version.");
        }

        if (!view.VirtualHost.SequenceEqual(FrameLayout.VirtualHost))
            return Fail(ErrorCode.NotFound, "There is no such virtual host: this broker has one, '/'.");
        if (_agent.IsStopping)
            return Fail(ErrorCode.ShuttingDown, "The broker is shutting down: try again later.");
        if (!_agent.SessionIds.TryRent(out int session))
            return Fail(ErrorCode.LimitReached, $"The broker has {_agent.Limits.MaxSessions} sessions open, the limit MaxSessions: close some or raise it.");

        // Client name: the first string of the frame, length byte included.
        ReadOnlySpan<byte> clientName = frame.Slice(sizeof(HelloFrame), 1 + view.ClientName.Length);
        if (!_agent.TryOpenSession(session, clientName))
        {
            _agent.SessionIds.Return(session);
            return false;
        }

        _connection.HeartbeatNs = Agree(hello.HeartbeatMs) * NsPerMs;
        _agent.Open(_connection, session);
        return true;
    }

    private long Agree(uint askedMs)
    {
        uint limitMs = (uint)_agent.Limits.HeartbeatMs;
        return askedMs == 0 || askedMs > limitMs ? limitMs : Math.Max(askedMs, MinHeartbeatMs);
    }

    private bool Refuse(scoped in FrameError error)
    {
        if (error.CostsConnection)
            return Fail(error.Code, error.Sentence);
        _agent.RefuseRequest(_connection, error);
        return true;
    }

    private bool Fail(ErrorCode code, string sentence)
    {
        _agent.Fail(_connection, code, sentence);
        return false;
    }
}
