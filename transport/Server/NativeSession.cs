using System.Runtime.InteropServices;
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
    private readonly bool _isInBatch;

    /// <param name="agent">Of this thread.</param>
    /// <param name="connection">Whose frames they are.</param>
    /// <param name="receivedNs">Unix time in nanoseconds at which they arrived.</param>
    /// <param name="isInBatch">They are the frames in a batch.</param>
    internal NativeSession(TransportAgent agent, ServerConnection connection, long receivedNs, bool isInBatch = false)
    {
        _isInBatch = isInBatch;
        _agent = agent;
        _connection = connection;
        _receivedNs = receivedNs;
    }

    public bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
    {
        // Behind a Hello: what is there waits until the engine has answered.
        if (_connection.State != ConnectionState.Open)
            return _connection.State == ConnectionState.Opening && OnHello(type, frame);
        return type switch
        {
            FrameType.Publish => OnPublish(frame),
            FrameType.Settle => OnSettle(frame),
            FrameType.Credit => OnCredit(frame),
            FrameType.Heartbeat => true,
            FrameType.Batch => OnBatch(frame),
            _ => OnControl(type, frame),
        };
    }

    private bool OnPublish(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParsePublish(frame, _agent.Limits.MaxBodyLength, out PublishView view, out FrameError error))
            return Refuse(error);
        return _agent.Wrote(CommandWriter.TryWritePublish(_agent.Ingress, _connection.Session, view, _receivedNs));
    }

    private bool OnSettle(scoped ReadOnlySpan<byte> frame) =>
        FrameParser.TryParseSettle(frame, out SettleFrame fields, out FrameError error)
            ? _agent.Wrote(CommandWriter.TryWriteSettle(_agent.Ingress, _connection.Session, fields))
            : Refuse(error);

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

    private bool OnBatch(scoped ReadOnlySpan<byte> frame)
    {
        if (_isInBatch || !_connection.IsCompressed)
            return Refuse(new FrameError(_isInBatch ? FrameFault.BatchNested : FrameFault.BatchNotAgreed, FrameType.Batch));
        return _agent.TakeBatch(_connection, frame, _receivedNs);
    }

    private bool OnControl(FrameType type, scoped ReadOnlySpan<byte> frame)
    {
        CommandType command = FrameShape.Of(type)!.Command;
        if (command == 0)
        {
            return type == FrameType.Close
                ? OnClose(frame)
                : Fail(ErrorCode.UnexpectedFrame, $"{type} on a connection that is open: it comes once, first.");
        }

        return FrameParser.TryCheck(frame, out FrameError error)
            ? _agent.Wrote(CommandWriter.TryWriteRequest(_agent.Ingress, command, _connection.Session, frame[FrameLayout.HeaderLength..]))
            : Refuse(error);
    }

    // What was sent before is carried out first: the answer comes when the engine has closed the session.
    private bool OnClose(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryCheck(frame, out FrameError error))
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
        if (type != FrameType.Hello || !FrameParser.TryCheck(frame, out error))
            return Refuse(error);
        HelloFrame hello = MemoryMarshal.Read<HelloFrame>(frame);
        if (hello.MinVersion > FrameLayout.Version || hello.Version < FrameLayout.Version)
        {
            return Fail(
                ErrorCode.UnsupportedVersion,
                $"The client speaks protocol versions {hello.MinVersion} to {hello.Version}, this broker {FrameLayout.Version}: use a client of a matching version.");
        }

        if (_agent.IsStopping)
            return Fail(ErrorCode.ShuttingDown, "The broker is shutting down: try again later.");
        if (!_agent.SessionIds.TryRent(out int session))
            return Fail(ErrorCode.LimitReached, $"The broker has {_agent.Limits.MaxSessions} sessions open, the limit MaxSessions: close some or raise it.");

        // Client name and virtual host, as the command has them too.
        if (!_agent.TryOpenSession(session, frame[sizeof(HelloFrame)..]))
        {
            _agent.SessionIds.Return(session);
            return false;
        }

        _connection.IsCompressed = (hello.Flags & FrameLayout.CompressionFlag) != 0 && _agent.MayCompress;
        _connection.HeartbeatNs = Agree(hello.HeartbeatMs) * NsPerMs;
        _agent.Await(_connection, session);
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
