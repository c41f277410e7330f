using System.Net.Sockets;

// Asks a name, as a program that reports home would; that nobody answers doesn't end it.
try
{
    using var client = new TcpClient("hadal.invalid", 443);
}
catch (SocketException) { }
